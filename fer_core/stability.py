"""How far the shares of the labels move when nothing but the framing changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_core.analyzer import WORK_SIDE_PX, Analyzer
from fer_core.emotions import Emotion
from fer_core.faces.framing import FRAMINGS
from fer_core.faces.preprocess import crop_faces
from fer_core.media import video
from fer_core.types import RGB, Box, Face, Frame

MOST_SAMPLES = 200
FRAME_SHIFT_PX = 3

Crops = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stability:
    """For one way of disturbing: mean total-variation distance of the outputs (0 to 1), share of equal labels, and by
    how much the share of each label moves (`Emotion` order, in shares of 1, with its sign)."""

    name: str
    faces: int
    distance: float
    same_label: float
    moved: tuple[float, ...]


def stability(analyzer: Analyzer, path: Path, every_s: float = 0.2) -> list[Stability]:
    """Compare the outputs for the largest face of up to `MOST_SAMPLES` samples with those for disturbed ones.

    Boxes are moved, grown and shrunk, crops mirrored, and whole frames moved and searched again. Empty without a face.

    Raises MediaError for a file that is no readable video.
    """
    frames = [frame.rgb for frame in _spread(path, every_s)]
    found = [_largest(faces) for rgb in frames for faces in analyzer.detector.detect([rgb])]
    pairs = [(rgb, face) for rgb, face in zip(frames, found, strict=True) if face is not None]
    if not pairs:
        return []
    plain = analyzer.classifier.probabilities(_cut(pairs, lambda box: box))
    out = []
    for name, disturb in DISTURBANCES.items():
        crops = _cut(pairs, disturb) if disturb is not None else _cut(pairs, lambda box: box)[:, :, ::-1]
        out.append(_compare(name, plain, analyzer.classifier.probabilities(np.ascontiguousarray(crops))))
    moved = [(np.roll(rgb, (FRAME_SHIFT_PX, FRAME_SHIFT_PX), axis=(0, 1)), face) for rgb, face in pairs]
    again = [_nearest(faces, face) for (rgb, face) in moved for faces in analyzer.detector.detect([rgb])]
    kept = [row for row, face in enumerate(again) if face is not None]
    if kept:
        refound = [(moved[row][0], face) for row in kept if (face := again[row]) is not None]
        out.append(
            _compare("frame moved", plain[kept], analyzer.classifier.probabilities(_cut(refound, lambda box: box)))
        )
    return out


DISTURBANCES: dict[str, Callable[[Box], Box] | None] = {**FRAMINGS, "mirrored": None}


def _spread(path: Path, every_s: float) -> list[Frame]:
    """Return samples from the whole length of a video, each n-th where there are too many."""
    length_s = video.probe(path).duration_s or 0.0
    return list(video.frames(path, max(every_s, length_s / MOST_SAMPLES), WORK_SIDE_PX))[:MOST_SAMPLES]


def _largest(faces: Sequence[Face]) -> Face | None:
    return max(faces, key=lambda face: face.box.area, default=None)


def _nearest(faces: Sequence[Face], to: Face) -> Face | None:
    best = max(faces, key=lambda face: face.box.iou(to.box), default=None)
    return best if best is not None and best.box.iou(to.box) > 0.5 else None


def _cut(pairs: Sequence[tuple[RGB, Face]], disturb: Callable[[Box], Box]) -> Crops:
    return np.concatenate([crop_faces(rgb, [disturb(face.box)]) for rgb, face in pairs])


def _compare(name: str, plain: NDArray[np.float32], other: NDArray[np.float32]) -> Stability:
    before, after = plain.argmax(axis=1), other.argmax(axis=1)
    count = len(plain)
    shares = [np.bincount(labels, minlength=len(Emotion)) / count for labels in (before, after)]
    return Stability(
        name,
        count,
        float(np.abs(plain - other).sum(axis=1).mean() / 2),
        float((before == after).mean()),
        tuple((shares[1] - shares[0]).tolist()),
    )
