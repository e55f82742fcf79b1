"""Golden pictures: drawn by a formula, so that a model's answers to them can be compared on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import ModelError

GOLDEN_PICTURES = ("gratings",)
TOLERANCE = 0.02
"""Largest difference in any probability that reduced precision may cause; a swapped class or mean causes far more."""


def golden_crops(name: str) -> NDArray[np.uint8]:
    """Return the crops (N, 48, 48) uint8 grey of a golden set; the same bytes everywhere.

    Raises ModelError for an unknown name.
    """
    if name != "gratings":
        raise ModelError("The model's card names a golden picture that this version does not know.")
    row, column = np.mgrid[0:48, 0:48]
    # Integers alone: no rounding of a sine may differ between machines.
    face = np.where((row - 24) ** 2 * 3 + (column - 24) ** 2 * 4 < 1600, 170, 60)
    face[16:20, 13:20] = face[16:20, 28:35] = 40
    face[34:37, 16:32] = 50
    texture = (row * 7 + column * 13) % 23
    crops = np.stack([face + texture, np.flipud(face) + texture, np.full_like(face, 128) + texture])
    return crops.astype(np.uint8)
