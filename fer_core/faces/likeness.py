"""How alike two faces of one recording look: the colours in and about each, compared in memory and never stored.

That is hair, skin, clothes and background, under one light: it distinguishes people within a recording, not across
recordings. Histograms of colour: Swain & Ballard 1991, "Color Indexing", whose intersection is the likeness here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_core.types import RGB, Box

MARGIN = 0.3
"""So much of the box's size is looked at on each side of it: hair and shoulders."""
SIDE_PX, CELL_PX = 40, 20
"""What is looked at is made so small, and cut into cells, so that it also counts where a colour is."""
GREY_LEVELS, TINTS = 6, 9
"""An odd number of tints, so that grey lies in the middle of one: at an edge noise would throw it to and fro."""
MEAN_GREY = 110.0
"""The light is evened out: a camera that adapts to it changes nobody."""
TINT_REACH = 64.0
PROBABLY_ONE = 0.65
"""From here on two numbers probably are one person, by their most alike views. Of 38 pairs of stretches of one person
in a clip or room all lie above 0.70; of 966 pairs of different clips 6 reach it, of 16 of two people in one room 6."""

_Floats = NDArray[np.float64]
Look = NDArray[np.float32]
"""Share of each colour in each cell, (4, 486); each cell sums to 1."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Two numbers of a recording that probably are one person, the smaller first. `likeness`: 0 to 1, 1 for equal."""

    first: int
    second: int
    likeness: float


def look(rgb: RGB, box: Box | None = None) -> Look:
    """Return how a face looks: (H, W, 3) uint8 RGB and its box in px, or a picture that shows it with its margin.

    A box that lies outside the picture looks like the nearest pixels.
    """
    shown = rgb if box is None else _with_margin(rgb, box)
    # Of a large face every few pixels suffice for its colours.
    step = max(1, min(shown.shape[:2]) // (2 * SIDE_PX))
    picture = Image.fromarray(np.ascontiguousarray(shown[::step, ::step]))
    small = np.asarray(picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX), np.float64)
    small = (small * (MEAN_GREY / max(8.0, float(_grey(small).mean())))).clip(0, 255)
    grey = _grey(small)
    blue, red = 0.564 * (small[..., 2] - grey), 0.713 * (small[..., 0] - grey)
    colour = _level(grey / 256, GREY_LEVELS) * TINTS + _level((blue + TINT_REACH) / (2 * TINT_REACH), TINTS)
    colour = colour * TINTS + _level((red + TINT_REACH) / (2 * TINT_REACH), TINTS)
    cells = colour.reshape(SIDE_PX // CELL_PX, CELL_PX, SIDE_PX // CELL_PX, CELL_PX).swapaxes(1, 2)
    counts = [np.bincount(cell.ravel(), minlength=GREY_LEVELS * TINTS**2) for row in cells for cell in row]
    return (np.stack(counts) / CELL_PX**2).astype(np.float32)


def likeness(one: Look, other: Look) -> float:
    """Return how alike two looks are, 0 to 1: the share of the colours that they have in common, cell by cell."""
    return float(np.minimum(one, other).sum(axis=1).mean())


def probably_one(looks: Mapping[int, Sequence[Look]], together: Collection[tuple[int, int]]) -> list[Alike]:
    """Return the pairs of numbers that probably are one person, the most alike first: to be asked, never taken as true.

    `looks`: of each number one or more views at different times; two numbers are as alike as any two of their views.
    `together`: pairs, the smaller number first, that are seen at one moment, so that they are two people.
    """
    pairs = [pair for pair in combinations(sorted(looks), 2) if pair not in together]
    alike = [Alike(first, second, _most_alike(looks[first], looks[second])) for first, second in pairs]
    return sorted((one for one in alike if one.likeness >= PROBABLY_ONE), key=lambda one: -one.likeness)


def _most_alike(some: Sequence[Look], others: Sequence[Look]) -> float:
    return max((likeness(one, other) for one in some for other in others), default=0.0)


def _with_margin(rgb: RGB, box: Box) -> RGB:
    height, width = rgb.shape[:2]
    wide, high = box.width * MARGIN, box.height * MARGIN
    left, top = min(max(0, int(box.left - wide)), width - 1), min(max(0, int(box.top - high)), height - 1)
    right, bottom = max(left + 1, int(box.right + wide)), max(top + 1, int(box.bottom + high))
    return rgb[top:bottom, left:right]


def _grey(rgb: _Floats) -> _Floats:
    grey: _Floats = 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]
    return grey


def _level(share: _Floats, levels: int) -> NDArray[np.intp]:
    return (share * levels).astype(np.intp).clip(0, levels - 1)
