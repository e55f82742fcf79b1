"""When a video or a picture was recorded, as is written in it."""

from __future__ import annotations

import re
from datetime import datetime

from fer_core.decoder.container import opened_video
from fer_core.decoder.image import BROKEN, opened_picture
from fer_core.media.passage import LONGEST_CREATED
from fer_core.media.source import Source

KEYS = ("com.apple.quicktime.creationdate", "creation_time", "date_recorded", "date")
"""The first one keeps the zone of where it was recorded, the second is UTC. Matroska writes its tags in capitals."""
_EXIF, _ORIGINAL, _OFFSET = 0x8769, 0x9003, 0x9011
"""Exif 2.32: the folder of the camera's tags, DateTimeOriginal and OffsetTimeOriginal."""


def created_at(source: Source) -> str | None:
    """Return the creation time that a video's container gives, in ISO 8601, or None. Raises what opening it raises."""
    with opened_video(source) as (container, stream):
        said = {key.lower(): value for tags in (stream.metadata, container.metadata) for key, value in tags.items()}
        for key in KEYS:
            created = said.get(key)
            if created and len(created) <= LONGEST_CREATED:
                return str(created)
    return None


def picture_created_at(source: Source) -> str | None:
    """Return when a picture was taken by its camera (EXIF), in ISO 8601, or None; without a zone where it says none.

    Raises MediaError as `fer_core.decoder.image.read_image` does.
    """
    with opened_picture(source) as image:
        try:
            tags = image.getexif().get_ifd(_EXIF)
            taken = datetime.strptime(str(tags.get(_ORIGINAL, "")), "%Y:%m:%d %H:%M:%S").isoformat()  # noqa: DTZ007
        except BROKEN:
            return None
    offset = str(tags.get(_OFFSET, "")).strip()
    return taken + offset if re.fullmatch(r"[+-]\d{2}:\d{2}", offset) else taken
