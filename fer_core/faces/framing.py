"""The same face framed a little otherwise, as another detector would frame it: how far labels depend on that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fer_core.faces.preprocess import crop_faces
from fer_core.types import RGB, Box

SHIFT, GROWTH = 0.05, 0.08
"""A box is moved and grown by so much of its sides: about what two detectors differ by."""


def _moved(x: float, y: float) -> Callable[[Box], Box]:
    return lambda box: box.moved(x * box.width, y * box.height)


def _grown(share: float) -> Callable[[Box], Box]:
    return lambda box: Box(
        box.left - share * box.width / 2,
        box.top - share * box.height / 2,
        box.right + share * box.width / 2,
        box.bottom + share * box.height / 2,
    )


FRAMINGS: dict[str, Callable[[Box], Box]] = {
    "box to the left": _moved(-SHIFT, 0),
    "box to the right": _moved(SHIFT, 0),
    "box up": _moved(0, -SHIFT),
    "box down": _moved(0, SHIFT),
    "box larger": _grown(GROWTH),
    "box smaller": _grown(-GROWTH),
}


def framed(rgb: RGB, box: Box) -> NDArray[np.uint8]:
    """Cut a face out in each of `FRAMINGS`: (H, W, 3) uint8 RGB and its box in px -> (6, 48, 48) uint8 grey."""
    return crop_faces(rgb, [framing(box) for framing in FRAMINGS.values()])
