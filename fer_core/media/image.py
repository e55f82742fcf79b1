"""Pictures from outside, decoded by a process without rights."""

from __future__ import annotations

from fer_core.media import reader
from fer_core.media.source import Source
from fer_core.types import RGB


def read_image(source: Source) -> RGB:
    """Read a picture: (H, W, 3) uint8 RGB, upright; of an animation or pages the first. What is transparent is white.

    Raises MediaError ``empty``, ``unknown_type``, ``unread_video``, ``heic_unsupported``, ``too_large`` (before
    anything is decoded), ``damaged_image``, ``unreadable_file`` or ``hostile_file``.
    """
    return reader.picture(source, {"do": "read_image"})
