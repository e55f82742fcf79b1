"""A face drawn in code that the detector does find: for the self-test and wherever no person may be shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fer_core.types import RGB

SUPERSAMPLING = 3
UNIT_HEIGHT = 240.0
"""The shapes below are in units of 1/240 of the picture's height, from the middle of the face."""

BACKGROUND, SKIN, HAIR, SHADE = (105, 120, 135), (214, 168, 140), (60, 42, 32), (190, 142, 116)
Colour = tuple[int, int, int]


def draw_face(width_px: int = 320, height_px: int = 240, smile: float = 0.0, shift_px: int = 0) -> RGB:
    """Return an RGB picture of one drawn face; `smile` from 0 to 1, `shift_px` moves it to the right."""
    scale = SUPERSAMPLING
    picture = Image.new("RGB", (width_px * scale, height_px * scale), BACKGROUND)
    middle = ((width_px // 2 + shift_px) * scale, (height_px // 2) * scale)
    pen = _Pen(picture, middle, height_px * scale / UNIT_HEIGHT)
    _head(pen)
    for side in (-1, 1):
        _eye(pen, side * 23)
    _nose_and_mouth(pen, smile)
    # Soft edges: the detector was trained on photographs, not on line drawings.
    soft = picture.filter(ImageFilter.GaussianBlur(2.2 * pen.unit))
    small = np.asarray(soft.resize((width_px, height_px), Image.Resampling.LANCZOS)).astype(np.float32)
    return _lit(small, middle[0] / scale, middle[1] / scale, pen.unit / scale)


def empty_room(width_px: int = 320, height_px: int = 240) -> RGB:
    """Return a picture of the same background without a face."""
    return np.full((height_px, width_px, 3), BACKGROUND, np.uint8)


class _Pen:
    """Draws in units around the middle of the face."""

    def __init__(self, picture: Image.Image, middle: tuple[int, int], unit: float) -> None:
        self.unit = unit
        self._draw = ImageDraw.Draw(picture)
        self._middle = middle

    def ellipse(self, x: float, y: float, half_width: float, half_height: float, colour: Colour) -> None:
        corners = [self._at(x - half_width, y - half_height), self._at(x + half_width, y + half_height)]
        self._draw.ellipse(corners, fill=colour)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        self._draw.polygon([self._at(x, y) for x, y in points], fill=colour)

    def line(self, points: Sequence[tuple[float, float]], width: float, colour: Colour) -> None:
        self._draw.line([self._at(x, y) for x, y in points], fill=colour, width=int(width * self.unit))

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return self._middle[0] + x * self.unit, self._middle[1] + y * self.unit


def _head(pen: _Pen) -> None:
    pen.ellipse(0, 150, 105, 70, (60, 70, 110))
    pen.polygon([(-24, 50), (24, 50), (24, 100), (-24, 100)], (188, 142, 116))
    pen.ellipse(0, -18, 66, 82, HAIR)
    pen.ellipse(0, 0, 56, 74, SKIN)
    pen.ellipse(0, -50, 48, 22, SKIN)
    for side in (-1, 1):
        pen.ellipse(side * 57, 4, 8, 15, (200, 150, 122))


def _eye(pen: _Pen, x: float) -> None:
    pen.ellipse(x, -12, 17, 11, SHADE)
    pen.ellipse(x, -10, 12, 6, (245, 242, 238))
    pen.ellipse(x, -10, 5.5, 5.8, (70, 45, 30))
    pen.ellipse(x, -10, 2.5, 2.5, (15, 10, 10))
    pen.line([(x - 13, -10), (x - 5, -16), (x + 5, -16), (x + 13, -10)], 2, (90, 60, 45))
    pen.line([(x - 15, -26), (x, -31), (x + 15, -26)], 5, HAIR)


def _nose_and_mouth(pen: _Pen, smile: float) -> None:
    pen.polygon([(-4, -12), (4, -12), (11, 18), (-11, 18)], (204, 156, 128))
    pen.ellipse(0, 17, 11, 7, (200, 150, 122))
    for side in (-1, 1):
        pen.ellipse(side * 6, 21, 3, 2, (120, 75, 60))
    pen.ellipse(0, 40, 19, 6 + 3 * smile, (168, 84, 84))
    corner = 40 - 5 * smile
    pen.line([(-19, corner), (0, 40 + 2 * smile), (19, corner)], 2, (95, 40, 40))


def _lit(picture: NDArray[np.float32], x: float, y: float, unit: float) -> RGB:
    """Return the picture lit from the front left: darker towards the edge of the face."""
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
    across, down = (columns - x) / (56 * unit), (rows - y) / (74 * unit)
    light = 1.06 - 0.22 * np.clip(across**2 + down**2, 0, 1.4) - 0.06 * np.clip(across, -1, 1)
    lit: RGB = np.clip(picture * light[..., None], 0, 255).astype(np.uint8)
    return lit
