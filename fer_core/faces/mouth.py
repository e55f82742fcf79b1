"""How much a mouth moves from one moment to another, in crops that are aligned by the eyes.

"The mouth moves" can be seen in pictures; that someone speaks can't (docs/statistics.md has what was measured).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_core.faces.preprocess import CROP_SIDE, SIDE_PER_HEIGHT
from fer_core.types import Face

APART_S = (0.15, 0.3)
"""Moments are compared that lie so far apart in seconds, nearest to `LAG_S`: speech moves a mouth within that time."""
LAG_S = 0.2
SMALLEST_PX = 80.0
"""In a smaller face noise moves as much as a mouth does."""
EYES = ((16.0, 15.0), (32.0, 15.0))
"""Where the eyes of an aligned crop lie, x and y in px."""
_FACE = np.s_[4:46, 8:41]
"""The part of the crop whose grey levels set its mean and spread."""
_EDGE = 24
_MOUTH = np.s_[27:45, 14:35]

Floats = NDArray[np.float64]


class MouthWatch:
    """Compares each track's mouth with what it was about `LAG_S` earlier."""

    def __init__(self) -> None:
        self._seen: dict[int, list[tuple[float, Floats]]] = {}

    def changes(
        self, time_s: float, crops: NDArray[np.uint8], faces: Sequence[Face], readable: Sequence[bool]
    ) -> list[float | None]:
        """Return how much each mouth changed, in standard deviations of the face's grey level; None where not known.

        `crops` (N, 48, 48) uint8 grey of the faces, whose boxes and landmarks are in px of one picture; `readable`:
        which of them can be read. Times must increase.
        """
        return [
            self._change(time_s, crop, face) if clear else None
            for crop, face, clear in zip(crops, faces, readable, strict=True)
        ]

    def forget(self) -> None:
        """Start again, as if nothing had been seen."""
        self._seen = {}

    def _change(self, time_s: float, crop: NDArray[np.uint8], face: Face) -> float | None:
        if face.landmarks is None or face.quality is None or face.quality.size_px < SMALLEST_PX:
            return None
        now = aligned(crop, face)
        near, far = APART_S
        before = [(at, mouth) for at, mouth in self._seen.get(face.track, []) if time_s - at <= far]
        self._seen[face.track] = [*before, (time_s, now)]
        fitting = [one for one in before if time_s - one[0] >= near]
        if not fitting:
            return None
        _, then = min(fitting, key=lambda one: abs(time_s - one[0] - LAG_S))
        return float(np.abs(now - then).mean())


def aligned(crop: NDArray[np.uint8], face: Face) -> Floats:
    """Return the mouth's part of a crop, turned and scaled so that the eyes lie at `EYES`: (18, 21).

    `crop` (48, 48) uint8 grey of a face with landmarks. Mean 0 and standard deviation 1 over the whole face.

    Raises ValueError for a face without landmarks.
    """
    if face.landmarks is None:
        raise ValueError("without landmarks nothing can be aligned")
    # What lies outside of the crop repeats its edge, as in the crop itself.
    wider = np.pad(crop, _EDGE, mode="edge")
    per_px = CROP_SIDE / (face.box.height * SIDE_PER_HEIGHT)
    x, y = face.box.middle
    left, right = (
        complex((px - x) * per_px + len(wider) / 2, (py - y) * per_px + len(wider) / 2) for px, py in face.landmarks[:2]
    )
    # A similarity in the plane is one complex factor and one shift: from the aligned crop back into the given one.
    factor = (right - left) / (complex(*EYES[1]) - complex(*EYES[0]))
    shift = left - factor * complex(*EYES[0])
    matrix = (factor.real, -factor.imag, shift.real, factor.imag, factor.real, shift.imag)
    turned = (
        Image.fromarray(wider)
        .convert("F")
        .transform((CROP_SIDE, CROP_SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    )
    grey = np.asarray(turned, np.float64)
    level, spread = grey[_FACE].mean(), grey[_FACE].std()
    scored: Floats = (grey - level)[_MOUTH] / max(spread, 1.0)
    return scored
