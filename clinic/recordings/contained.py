"""When a file was recorded, as is written in it: a container's creation time, or that of a picture."""

from __future__ import annotations

import re
from datetime import date, datetime, time, tzinfo

from clinic import phrases, words
from clinic.recordings.moment import Taken

EARLIEST = date(1990, 1, 1)
"""An earlier day comes from a clock that was never set, or from a number that is no day."""
_WRITTEN = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T ]\d{2}:?\d{2}.*)?")
"""What a container says: a day, or a day and at least hour and minute; a year, month, week or hour alone is neither."""


def has_zone(created: str | None) -> bool:
    """Return whether a container says in which zone its time is."""
    try:
        return created is not None and datetime.fromisoformat(created).tzinfo is not None
    except ValueError:
        return False


def of_container(created: str | None, zone: tzinfo, today: date) -> Taken | None:
    """Return what a container says (ISO 8601), in the clinic's zone; None where it says nothing that can be one."""
    try:
        instant = datetime.fromisoformat(created) if created and _WRITTEN.fullmatch(created) else None
    except ValueError:
        return None
    # In the first and the last year that there are, no zone has room for the other day.
    if instant is None or not EARLIEST.year - 1 <= instant.year <= today.year + 1:
        return None
    if instant.time() == time():
        # So programs write a day without a time, in whatever zone; a real recording begins so once in 86,400.
        return Taken(instant.date()) if EARLIEST <= instant.date() <= today else None
    # Containers without a zone keep the time of where they were recorded.
    taken = Taken(instant.date(), instant.time()) if instant.tzinfo is None else in_zone(instant, zone)
    return taken if EARLIEST <= taken.day <= today else None


def in_zone(instant: datetime, zone: tzinfo) -> Taken:
    """Return an instant's day and time in a zone; no time where it is the second one of an hour that came twice."""
    local = instant.astimezone(zone)
    if local.fold:
        return Taken(local.date(), left_out=words.TIME_AGAIN.format(time=local, day=phrases.day(local.date())))
    return Taken(local.date(), local.time().replace(microsecond=0))
