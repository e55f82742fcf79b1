"""What other cameras make of the same faces: the figures by which they are known, and the labels that turn.

The rows below were measured on FER2013's PublicTest with ``python -m benchmarks cameras --data fer2013.csv``, whose
output they repeat.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.quality import darkened, shrunk, softened
from fer_core.faces.quality import measure
from fer_core.model.classifier import Classifier
from fer_core.types import Box, Face

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Change = Callable[[Image.Image], Image.Image]
COLUMNS = 8
"""Labels in `Emotion` order, then uncertain."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What a recording is made with.

    `face_px`, `sharpness`, `brightness`: what an analysis measures of its faces (`fer_core.reading.camera`).
    `bits_per_pixel`: the file's, as JPEG.
    `turns`: of 100 faces with a label under the usual camera (rows), how many have which under this one (columns), both
    in `Emotion` order, then uncertain; None where every label stays.
    """

    face_px: float
    sharpness: float
    brightness: float
    bits_per_pixel: float = 3.17
    codec: str = "h264"
    turns: tuple[tuple[float, ...], ...] | None = None

    def labels(self, rng: np.random.Generator, usual: Labels) -> Labels:
        """Return what labels (N,) under the usual camera become under this one, each drawn by itself."""
        if self.turns is None:
            return usual
        rates = np.array(self.turns).cumsum(axis=1)[usual]
        return np.asarray((rates > rng.random(len(usual))[:, None] * rates[:, -1:]).argmax(axis=1))

    def unsteady(self, logarithms: Floats) -> Camera:
        """Return the camera with width, sharpness, light and bits times the exponentials of `logarithms` (4,)."""
        width, sharpness, light, bits = np.exp(logarithms).tolist()
        # Sharpness is a variance of grey levels, so that it grows with the square of the light.
        return replace(
            self,
            face_px=self.face_px * width,
            sharpness=self.sharpness * sharpness * light**2,
            brightness=self.brightness * light,
            bits_per_pixel=self.bits_per_pixel * bits,
        )

    def towards(self, other: Camera, part: float) -> Camera:
        """Return a camera that has gone `part` of the way, 0 to 1, from this one, whose labels all stay, to another."""
        stay = np.eye(COLUMNS) * 100
        turns = stay + part * (np.array(other.turns) - stay) if other.turns is not None else stay
        return Camera(
            self.face_px * (other.face_px / self.face_px) ** part,
            self.sharpness * (other.sharpness / self.sharpness) ** part,
            self.brightness * (other.brightness / self.brightness) ** part,
            self.bits_per_pixel * (other.bits_per_pixel / self.bits_per_pixel) ** part,
            self.codec,
            tuple(map(tuple, turns.tolist())),
        )


def _rates(*rows: str) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row.split())) for row in rows)


USUAL = Camera(48, 1981, 128)
CAMERAS: dict[str, Camera] = {
    "faces 32 px wide": Camera(
        32,
        408,
        129,
        turns=_rates(
            "75 1 0 1 1 1 0 22",
            "13 33 0 0 0 0 0 53",
            "0 0 52 2 3 3 0 41",
            "0 0 0 94 0 0 0 6",
            "1 0 1 0 81 0 1 16",
            "0 0 0 0 0 86 0 14",
            "0 0 0 0 3 0 73 24",
            "6 0 2 2 11 5 9 65",
        ),
    ),
    "faces 24 px wide": Camera(
        24,
        176,
        129,
        turns=_rates(
            "50 0 1 0 2 2 0 45",
            "13 13 0 0 0 0 0 73",
            "0 0 32 5 5 6 2 52",
            "0 0 0 79 0 0 0 19",
            "2 0 1 1 64 0 1 31",
            "0 0 2 0 0 71 0 27",
            "1 0 0 2 5 0 33 60",
            "5 0 2 4 15 3 4 67",
        ),
    ),
    "blur, sigma 0.7 px": Camera(
        48,
        440,
        128,
        turns=_rates(
            "82 0 1 0 0 1 0 16",
            "7 40 0 0 0 0 0 53",
            "0 0 65 3 0 3 0 29",
            "0 0 0 96 0 0 0 4",
            "1 0 1 0 85 0 1 13",
            "0 0 0 0 0 94 0 6",
            "0 0 0 0 1 0 75 23",
            "4 0 3 3 8 6 5 72",
        ),
    ),
    "blur, sigma 1 px": Camera(
        48,
        147,
        128,
        turns=_rates(
            "65 0 1 1 3 4 0 27",
            "13 20 0 0 0 0 0 67",
            "0 0 45 3 5 8 2 38",
            "0 0 0 89 1 0 0 9",
            "3 0 1 1 66 0 1 29",
            "0 0 1 0 0 79 0 20",
            "1 0 0 1 4 0 35 59",
            "7 1 2 5 11 5 5 64",
        ),
    ),
    "40 % of the light": Camera(
        48,
        319,
        51,
        turns=_rates(
            "87 0 0 0 0 0 0 13",
            "0 60 0 0 0 0 0 40",
            "0 0 56 2 3 0 2 38",
            "0 0 0 98 0 0 0 2",
            "0 0 0 1 89 0 0 10",
            "0 0 0 0 0 91 0 9",
            "0 0 0 1 1 0 82 16",
            "3 0 2 4 9 3 4 76",
        ),
    ),
    "JPEG, quality 50": Camera(
        48,
        1671,
        128,
        1.35,
        turns=_rates(
            "65 0 0 1 2 0 1 32",
            "7 13 0 0 7 0 0 73",
            "0 0 47 0 3 9 3 38",
            "0 0 0 83 2 0 3 12",
            "0 1 0 0 82 0 1 16",
            "1 0 1 1 0 90 0 8",
            "0 0 0 1 4 0 75 19",
            "2 1 4 1 14 5 10 65",
        ),
    ),
    "JPEG, quality 20": Camera(
        48,
        1278,
        128,
        0.79,
        turns=_rates(
            "49 0 0 2 2 2 1 45",
            "7 13 0 7 7 0 0 67",
            "0 0 26 2 9 3 2 59",
            "1 0 0 67 1 0 1 29",
            "1 0 0 0 70 0 1 28",
            "2 0 3 1 1 71 1 22",
            "1 0 0 1 11 0 45 42",
            "2 0 4 1 17 4 6 66",
        ),
    ),
}


def compressed(quality: int) -> Change:
    """A face that went through JPEG of this quality, 1 to 100."""

    def apply(face: Image.Image) -> Image.Image:
        packed = io.BytesIO()
        face.save(packed, "JPEG", quality=quality)
        return Image.open(packed).convert("L")

    return apply


USUAL_QUALITY = 90
"""As which JPEG, 1 to 100, faces count that are not compressed on purpose: about as phones and webcams do it."""
QUALITIES = {"JPEG, quality 50": 50, "JPEG, quality 20": 20}
MADE: dict[str, tuple[Change, float]] = {
    "faces 32 px wide": (shrunk(32), 32.0),
    "faces 24 px wide": (shrunk(24), 24.0),
    "blur, sigma 0.7 px": (softened(0.7), 48.0),
    "blur, sigma 1 px": (softened(1.0), 48.0),
    "40 % of the light": (darkened(0.4), 48.0),
    "JPEG, quality 50": (compressed(50), 48.0),
    "JPEG, quality 20": (compressed(20), 48.0),
}
"""How each of `CAMERAS` is made from a picture, and how wide its faces are in px."""


def measured(classifier: Classifier, faces: NDArray[np.uint8]) -> Iterator[tuple[str, Camera]]:
    """Yield the cameras as these faces (N, 48, 48) uint8 grey show them, the usual one first."""
    usual = _labels(classifier, faces)
    yield "usual", Camera(48.0, *_medians(faces), _bits_per_pixel(faces, USUAL_QUALITY))
    for name, (change, face_px) in MADE.items():
        changed = np.stack([np.asarray(change(Image.fromarray(face))) for face in faces])
        counts = np.zeros((COLUMNS, COLUMNS))
        np.add.at(counts, (usual, _labels(classifier, changed)), 100.0)
        rates = (counts / np.maximum(1, np.bincount(usual, minlength=COLUMNS))[:, None]).round()
        bits = _bits_per_pixel(faces, QUALITIES.get(name, USUAL_QUALITY))
        yield name, Camera(face_px, *_medians(changed), bits, turns=tuple(map(tuple, rates.tolist())))


def table(cameras: Iterator[tuple[str, Camera]]) -> Iterator[str]:
    """Yield each camera as it stands in this file."""
    for name, camera in cameras:
        figures = f"{camera.face_px:.0f}, {camera.sharpness:.0f}, {camera.brightness:.0f}, {camera.bits_per_pixel:.2f}"
        yield f'"{name}": Camera({figures})'
        yield from (" ".join(f"{rate:3.0f}" for rate in row) for row in camera.turns or ())


def _labels(classifier: Classifier, faces: NDArray[np.uint8]) -> Labels:
    found = classifier.probabilities(faces)
    sure = found.max(axis=1) >= classifier.card.uncertain_below
    return np.where(sure, found.argmax(axis=1), COLUMNS - 1)


def _bits_per_pixel(faces: NDArray[np.uint8], quality: int) -> float:
    """Return what one JPEG of all faces below each other takes."""
    packed = io.BytesIO()
    Image.fromarray(faces.reshape(-1, faces.shape[2])).save(packed, "JPEG", quality=quality)
    return 8 * packed.tell() / faces.size


def _medians(faces: NDArray[np.uint8]) -> tuple[float, float]:
    whole = Box(0, 0, faces.shape[2], faces.shape[1])
    found = measure(faces, [Face(whole, 1.0)] * len(faces), whole.width, whole.height)
    return float(np.median([one.sharpness for one in found])), float(np.median([one.brightness for one in found]))
