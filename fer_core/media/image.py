"""Pictures from outside, decoded by a process without rights."""

from __future__ import annotations

from fer_core.carry import Json
from fer_core.errors import media_error
from fer_core.media import reader
from fer_core.media.picture import MAX_PIXELS, MOST_FURTHER, Picture
from fer_core.media.source import Source
from fer_core.types import RGB


def read_image(source: Source) -> RGB:
    """Read a picture in its full size: (H, W, 3) uint8 RGB. Raises MediaError as `read_picture` does."""
    return read_picture(source).rgb


def read_picture(source: Source, max_side_px: int | None = None) -> Picture:
    """Read a picture, upright; of an animation or pages the first. What is transparent is white.

    `max_side_px`: a picture whose longer side is larger is made smaller to it; None: no picture is.

    Raises MediaError ``empty``, ``unknown_type``, ``unread_video``, ``unread_picture``, ``heic_unsupported``,
    ``too_large`` (before anything is decoded), ``damaged_image``, ``unreadable_file`` or ``hostile_file``.
    """
    rgb, fields = reader.picture(source, {"do": "read_image", "max_side_px": max_side_px})
    width, height, further = (_number(fields, name) for name in ("width_px", "height_px", "further"))
    if not rgb.shape[0] <= height or not rgb.shape[1] <= width or width * height > MAX_PIXELS:
        raise media_error("unreadable_file")
    if not 0 <= further <= MOST_FURTHER:
        raise media_error("unreadable_file")
    return Picture(rgb, width, height, further)


def _number(fields: Json, name: str) -> int:
    """Return a whole number as the reading process, which isn't trusted, says it."""
    value = fields.get(name)
    if type(value) is not int:
        raise media_error("unreadable_file")
    return value
