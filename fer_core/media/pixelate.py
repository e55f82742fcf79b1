"""Faces made unrecognisable in a picture."""

from __future__ import annotations

from PIL import Image

from fer_core.types import Box

MOSAIC_CELLS = 6
"""A pixelated face keeps so many cells a side: too few to tell who it is."""


def pixelate(picture: Image.Image, box: Box, scale: float = 1.0) -> None:
    """Make the face in a box unrecognisable, in place.

    The box is in px of the original, of which each is `scale` px of the picture.
    """
    seen = box.scaled(scale)
    # Hair and chin lie outside the detector's box.
    wide, high = seen.width * 0.25, seen.height * 0.25
    place = (
        max(0, int(seen.left - wide)),
        max(0, int(seen.top - high)),
        min(picture.width, int(seen.right + wide)),
        min(picture.height, int(seen.bottom + high)),
    )
    if place[2] <= place[0] or place[3] <= place[1]:
        return
    part = picture.crop(place)
    cells = part.resize((MOSAIC_CELLS, MOSAIC_CELLS), Image.Resampling.BOX)
    picture.paste(cells.resize(part.size, Image.Resampling.NEAREST), place)
