"""A picture as it was read, and how large it was."""

from __future__ import annotations

from dataclasses import dataclass

from fer_core.types import RGB

MAX_PIXELS = 2**26
"""67 megapixels: phones make pictures of 50 (8192 x 6144) and of 64."""

MOST_FURTHER = 1_000_000
"""So many further pictures of a file are counted: a header may claim any number."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright picture: `rgb` (H, W, 3) uint8; `width_px`, `height_px`: its size before it was made smaller.

    `further`: how many pictures follow it in its file (an animation, pages), which are not read.
    """

    rgb: RGB
    width_px: int
    height_px: int
    further: int = 0
