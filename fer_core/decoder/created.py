"""When a video was recorded, as its container says."""

from __future__ import annotations

from fer_core.decoder.container import opened_video
from fer_core.media.passage import LONGEST_CREATED
from fer_core.media.source import Source

KEYS = ("com.apple.quicktime.creationdate", "creation_time", "date")
"""The first one keeps the zone of where it was recorded, the second is UTC."""


def created_at(source: Source) -> str | None:
    """Return the creation time that a video's container gives, in ISO 8601, or None. Raises what opening it raises."""
    with opened_video(source) as (container, stream):
        for key in KEYS:
            told = container.metadata.get(key) or stream.metadata.get(key)
            if told and len(told) <= LONGEST_CREATED:
                return str(told)
    return None
