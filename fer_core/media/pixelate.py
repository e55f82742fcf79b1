"""Faces made unrecognisable in a picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from fer_core.types import Box

MOSAIC_CELLS = 6
"""A pixelated face keeps so many cells a side: too few to recognise the person."""
CELLS_AROUND = 16
"""Of the longer side of a picture around a face: somebody as near to the camera as fills half of it has eight."""


def show_alone(picture: Image.Image, faces: Sequence[Box], others: Sequence[Box]) -> None:
    """Leave only these faces recognisable, in place; other faces are pixelated, detected or not.

    All boxes are in px of the picture.
    """
    # Those who are near the faces lie within their margin.
    for box in others:
        pixelate(picture, box)
    pixelate_around(picture, faces)


def pixelate(picture: Image.Image, box: Box) -> None:
    """Make the face in a box, in px of the picture, unrecognisable, in place."""
    place = _with_margin(picture, box)
    if place[2] <= place[0] or place[3] <= place[1]:
        return
    part = picture.crop(place)
    cells = part.resize((MOSAIC_CELLS, MOSAIC_CELLS), Image.Resampling.BOX)
    picture.paste(cells.resize(part.size, Image.Resampling.NEAREST), place)


def pixelate_around(picture: Image.Image, boxes: Sequence[Box]) -> None:
    """Make everything but the faces in these boxes unrecognisable, in place: a face that nobody detected too.

    The boxes are in px of the picture.
    """
    cell = max(picture.size) / CELLS_AROUND
    coarse = picture.resize(
        (max(1, round(picture.width / cell)), max(1, round(picture.height / cell))), Image.Resampling.BOX
    ).resize(picture.size, Image.Resampling.NEAREST)
    for box in boxes:
        place = _with_margin(picture, box)
        if place[2] > place[0] and place[3] > place[1]:
            coarse.paste(picture.crop(place), place)
    picture.paste(coarse)


def _with_margin(picture: Image.Image, box: Box) -> tuple[int, int, int, int]:
    """Return the box with hair and chin, which lie outside the detector's box; within the picture."""
    wide, high = box.width * 0.25, box.height * 0.25
    return (
        max(0, int(box.left - wide)),
        max(0, int(box.top - high)),
        min(picture.width, int(box.right + wide)),
        min(picture.height, int(box.bottom + high)),
    )
