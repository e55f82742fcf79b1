"""A first look at a file from outside, before it is taken in."""

from __future__ import annotations

import math

from fer_core.errors import media_error
from fer_core.media import reader
from fer_core.media.passage import LONGEST_CREATED, MEDIA_TYPES
from fer_core.media.source import Source
from fer_core.media.verdict import ONLY_FIRST, FileVerdict

MOST_SIDE_PX = 2**20


def inspect_file(source: Source) -> FileVerdict:
    """Look at a file in a process without rights, limited in memory and time.

    Raises MediaError with a code of `MEDIA_CODES`; ``unreadable_file`` where the process broke or ran out of time; and
    whatever reading an open file raises here.
    """
    found = reader.answer(source, FileVerdict, {"do": "examine"})
    if not _can_be(found):
        raise media_error("unreadable_file")
    return found


def _can_be(found: FileVerdict) -> bool:
    """Return whether a verdict is one that a sound process may give: pages show it, and tables keep it."""
    times = [found.begins_s, 0.0 if found.duration_s is None else found.duration_s]
    return (
        found.kind in ("image", "video")
        and all(1 <= side <= MOST_SIDE_PX for side in (found.width_px, found.height_px))
        and all(math.isfinite(time_s) for time_s in times)
        and found.warnings in ((), (ONLY_FIRST,))
        and (found.media_type is None or found.media_type in MEDIA_TYPES)
        and (found.created is None or len(found.created) <= LONGEST_CREATED)
    )
