"""How often following takes one person for another: on made clips whose truth is known, and on a real crowd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from facenet_pytorch import MTCNN
from PIL import Image
from skimage.data import astronaut

from fer_core.analyzer import WORK_SIDE_PX
from fer_core.faces.detector import Detector
from fer_core.faces.following import Follower, scaled
from fer_core.media import video
from fer_core.types import RGB, Box, Face

SAME_IOU = 0.3
LINK_IOU = 0.5
SURE = 0.95
WIDTH, HEIGHT, SIDE, FPS, SECONDS = 960, 540, 200, 25, 6

Truth = dict[str, Box]
"""Where each person is at one moment; who is hidden is left out."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Over one clip: moments of persons that were followed, changes of a person's number, numbers in all."""

    clip: str
    persons: int
    followed: float
    switches: int
    numbers: int


def made_clip(path_of: Callable[[float], Sequence[tuple[str, float, float]]]) -> Iterator[tuple[float, RGB, Truth]]:
    """Yield time, picture and truth of a clip with faces whose left upper corners `path_of` gives for each time, the
    nearer person last."""
    portrait = astronaut()[0:300, 80:380]
    face = np.asarray(Image.fromarray(portrait).resize((SIDE, SIDE)))
    looks = {"first": face, "second": face[:, ::-1]}
    for number in range(FPS * SECONDS):
        time_s = number / FPS
        picture = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
        truth: Truth = {}
        for name, x, y in path_of(time_s):
            left, top = round(x), round(y)
            picture[top : top + SIDE, left : left + SIDE] = looks[name]
            box = Box(left + 0.25 * SIDE, top + 0.15 * SIDE, left + 0.75 * SIDE, top + 0.8 * SIDE)
            truth = {other: place for other, place in truth.items() if place.iou(box) < 0.4} | {name: box}
        yield time_s, picture, truth


def crossing(time_s: float) -> list[tuple[str, float, float]]:
    """Two people walk past each other, the second in front, half a head lower."""
    share = time_s / SECONDS
    return [("first", share * (WIDTH - SIDE), 120), ("second", (1 - share) * (WIDTH - SIDE), 220)]


def hidden(time_s: float) -> list[tuple[str, float, float]]:
    """The second walks through the picture right in front of the first, who stays."""
    share = time_s / SECONDS
    return [("first", (WIDTH - SIDE) / 2, 170), ("second", share * (WIDTH - SIDE), 170)]


def turning_back(time_s: float) -> list[tuple[str, float, float]]:
    """Two people approach each other until they touch, and go back."""
    share = 1 - abs(2 * time_s / SECONDS - 1)
    reach = (WIDTH - 1.6 * SIDE) / 2
    return [("first", share * reach, 170), ("second", WIDTH - SIDE - share * reach, 170)]


MADE = {"crossing": crossing, "hidden for a moment": hidden, "touching, then back": turning_back}


def measure_made(name: str, every_s: float) -> Identity:
    """Return the figures of a made clip of `MADE`."""
    moments = [(at, rgb, truth) for at, rgb, truth in made_clip(MADE[name]) if _sampled(at, every_s)]
    follower = Follower(Detector())
    return _count(name, [(follower.faces(at, rgb), truth) for at, rgb, truth in moments])


def measure_file(path: Path, every_s: float) -> Identity:
    """Return the figures of a file. Its truth: chains of MTCNN's sure finds in whole frames that follow each other."""
    reference = MTCNN(keep_all=True, min_face_size=40)
    follower = Follower(Detector())
    chains: dict[str, Box] = {}
    moments = []
    for frame in video.frames(path, every_s):
        found = _chained(chains, _sure(reference, frame.rgb))
        small = Image.fromarray(frame.rgb)
        scale = min(1.0, WORK_SIDE_PX / max(small.size))
        small = small.resize((round(small.width * scale), round(small.height * scale)))
        faces = follower.faces(frame.time_s, np.asarray(small), scale)
        moments.append(([scaled(face, 1 / scale) for face in faces], found))
        chains = {**chains, **found}
    return _count(path.name, moments)


def _sampled(time_s: float, every_s: float) -> bool:
    return not every_s or round(time_s * FPS) % round(every_s * FPS) == 0


def _sure(reference: MTCNN, rgb: RGB) -> list[Box]:
    boxes, confidences = reference.detect(rgb)
    if boxes is None:
        return []
    return [Box(*map(float, box)) for box, sure in zip(boxes, confidences, strict=True) if sure > SURE]


def _chained(chains: Truth, boxes: Sequence[Box]) -> Truth:
    """Give each box the name of the chain whose newest box it covers, or a new one."""
    found: Truth = {}
    for box in boxes:
        free = {name: place for name, place in chains.items() if name not in found}
        name = max(free, key=lambda one: free[one].iou(box), default=None)
        if name is None or free[name].iou(box) < LINK_IOU:
            name = f"chain {len(chains) + len(found)}"
        found[name] = box
    return found


def _count(clip: str, moments: Sequence[tuple[Sequence[Face], Truth]]) -> Identity:
    numbers: dict[str, list[int]] = {}
    due = followed = 0
    for faces, truth in moments:
        for name, place in truth.items():
            due += 1
            best = max(faces, key=lambda face: face.box.iou(place), default=None)
            if best is not None and best.box.iou(place) >= SAME_IOU:
                followed += 1
                numbers.setdefault(name, []).append(best.track)
    switches = sum(a != b for seen in numbers.values() for a, b in pairwise(seen))
    return Identity(
        clip, len(numbers), followed / max(1, due), switches, len({n for seen in numbers.values() for n in seen})
    )
