"""A decoded frame as it is to be seen: pixels made square, turned and mirrored as the file says, in one size."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

from fer_core.decoder.hdr import is_hdr, tone_mapped
from fer_core.types import RGB

WIDEST_PIXEL = 4
"""A pixel aspect ratio above this, in either direction, is an error of the file."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a display matrix asks for: rows and columns exchanged first, then mirrored left to right, top to bottom."""

    swapped: bool = False
    mirrored: bool = False
    flipped: bool = False

    def of(self, rgb: RGB) -> RGB:
        """Return the picture so turned."""
        turned = rgb.transpose(1, 0, 2) if self.swapped else rgb
        return np.ascontiguousarray(turned[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1])


QUARTERS = {
    1: Turn(True, flipped=True),
    2: Turn(False, mirrored=True, flipped=True),
    3: Turn(True, mirrored=True),
}
"""Turns by quarters counterclockwise, as `VideoFrame.rotation` counts them."""


def turn_of(frame: VideoFrame) -> Turn:
    """Return the turn by quarters and mirrors that is nearest to the frame's display matrix (ISO 14496-12, 8.3.2)."""
    # Not `frame.side_data`: a frame keeps that and is held by it, so that hundreds of frames stay in memory.
    read: Any = SideDataContainer
    try:
        matrix = read(frame).get(Type.DISPLAYMATRIX)
    except ValueError:
        # PyAV refuses all of a frame's data where one is of a kind that it doesn't know, as in Apple's spatial videos.
        return QUARTERS.get(round(frame.rotation / 90) % 4, Turn())
    if matrix is None:
        return Turn()
    a, b, _, c, d = struct.unpack("<5i", bytes(matrix)[:20])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Turn(True, mirrored=c < 0, flipped=b < 0)
    return Turn(False, mirrored=a < 0, flipped=d < 0)


def shown_size(frame: VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Return width and height in px of the upright frame with square pixels; `aspect`: width of its px by height."""
    width, height = round(frame.width * _believed(aspect)), frame.height
    return (height, width) if turn_of(frame).swapped else (width, height)


@dataclass(frozen=True, slots=True)
class Canvas:
    """The one size of a video's pictures in px, whatever that of its frames; `aspect`: width of a px by height.

    `max_side_px`: the longer side of what is drawn, `scale` px for each of the canvas.
    """

    width: int
    height: int
    aspect: Fraction | None = None
    max_side_px: int | None = None

    @property
    def scale(self) -> float:
        """Px of what is drawn for each px of the canvas."""
        return min(1.0, self.max_side_px / max(self.width, self.height)) if self.max_side_px else 1.0

    def drawn(self, frame: VideoFrame) -> RGB:
        """Return the frame as (H, W, 3) uint8 RGB; where its form is another, it is as large as fits, on black."""
        turn, scale = turn_of(frame), self.scale
        wide, high = shown_size(frame, self.aspect)
        whole = _scaled(self.width, self.height, scale)
        part = _scaled(wide, high, scale * min(self.width / wide, self.height / high))
        if abs(part[0] - whole[0]) <= 1 and abs(part[1] - whole[1]) <= 1:
            part = whole
        rgb = turn.of(_rgb(frame, *(part[::-1] if turn.swapped else part)))
        return rgb if part == whole else _on_black(rgb, *whole)


def _believed(aspect: Fraction | None) -> Fraction:
    return aspect if aspect and Fraction(1, WIDEST_PIXEL) <= aspect <= WIDEST_PIXEL else Fraction(1)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return (max(2, round(width * scale)), max(2, round(height * scale))) if scale != 1.0 else (width, height)


def _rgb(frame: VideoFrame, width: int, height: int) -> RGB:
    if is_hdr(frame):
        return tone_mapped(frame, width, height)
    return np.asarray(frame.reformat(width=width, height=height, format="rgb24").to_ndarray(), np.uint8)


def _on_black(rgb: RGB, width: int, height: int) -> RGB:
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - rgb.shape[0]) // 2, (width - rgb.shape[1]) // 2
    whole[top : top + rgb.shape[0], left : left + rgb.shape[1]] = rgb[:height, :width]
    return whole
