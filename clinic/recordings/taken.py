"""When a file was recorded, as its name and its container say: a suggestion, which a person may change.

Sources of the names: the live view here (LIVE_, UTC), Android's camera (VID_, IMG_, local time), Google's Pixel
(PXL_, UTC), Zoom (GMT, UTC), WhatsApp (IMG-…-WA, the day alone), Signal, macOS's screen recordings (12 hours with AM
and PM), ISO 8601 as programs write it into names, with or without an offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal

from clinic import clock

EARLIEST = date(1990, 1, 1)
"""An earlier day comes from a clock that was never set, or from a number that is no day."""

_DAY = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?:(?!\d)|(?=\d{6}(?!\d)))")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})([-._ ])(\d{1,2})\2((?:19|20)\d{2})(?!\d)")
"""Days as 3.11.2026; with another sign than a dot nobody knows which number is the month."""
_CLOCK = re.compile(
    r"(?P<before> at |[ _T-]|, |)(?P<hour>\d{2}|\d(?=[-_.:]\d{2}[-_.:]))(?P<to>[-_.:]?)(?P<minute>\d{2})"
    r"(?:(?P=to)(?P<second>\d{2})(?:[-_.,]?\d{3}|[.,]\d{1,9})?)?(?!\d)"
    r"(?:[\s_]?(?P<half>[ap])\.?m\b)?\.?",
    re.IGNORECASE,
)
_UTC_BEFORE = re.compile(r"(?<![A-Za-z])(?:PXL|LIVE|GMT|UTC)[ _-]?$", re.IGNORECASE)
_OFFSET = re.compile(
    r"(?P<utc>Z(?![A-Za-z0-9])|[ _-]?\(?(?:UTC|GMT)(?![A-Za-z]))?"
    r"(?:(?P<apart>[ _]?)(?P<sign>[+-])(?P<hours>\d{1,2})(?P<colon>[:._-]?)(?P<minutes>00|15|30|45)?(?!\d))?",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"[ _-]?\(?(?:CES?T|MES?Z|WES?T|EES?T|[ECMP][SD]T|AK[SD]T|HST|BST|IST|JST|KST|MSK|SGT|HKT|A[CEW][SD]T|NZ[SD]T)"
    r"(?![A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """The day of a recording in the clinic's zone, and the time of day where it is known.

    `guessed`: neither name nor container says the day.
    """

    day: date
    time: time | None = None
    guessed: bool = False


def suggestion(name: str, created: str | None, zone: tzinfo, today: date, born_on: date | None = None) -> Taken | None:
    """Return what the name says of when the file was recorded, else what its container says; None where both are mute.

    `created`: the container's creation time in ISO 8601. `born_on`: the patient's birth, which is no day of recording.
    Nothing after `today` is suggested, and no time that the day didn't have in `zone`. Of a name with several days
    none is suggested, unless the container has one of them.
    """
    contained = _of_container(created, zone, today)
    named = {one.day: one for one in sorted(_of_name(name, zone, today, born_on), key=lambda one: one.time is not None)}
    if not named and not _is_unclear(name):
        found = contained
    elif len(named) == 1 and not _is_unclear(name):
        (found,) = named.values()
    else:
        found = contained if contained is not None and contained.day in named else None
    if found is not None and found.time is not None and not clock.exists(found.day, found.time, zone):
        return Taken(found.day)
    return found


def names_a_day(name: str) -> bool:
    """Return whether a name says a day, which may be none of the calendar, or one of several."""
    return (
        _is_unclear(name)
        or any(int(found[1]) >= EARLIEST.year for found in _DAY.finditer(name))
        or bool(_DAY_FIRST.search(name))
    )


def _is_unclear(name: str) -> bool:
    """Return whether a name has a day of which nobody knows which number is the month."""
    return any(found[2] != "." for found in _DAY_FIRST.finditer(name))


def _of_name(name: str, zone: tzinfo, today: date, born_on: date | None) -> Iterator[Taken]:
    """Yield the days that a name says, and that can be those of a recording."""
    for found in _DAY.finditer(name):
        try:
            day = date(int(found[1]), int(found[3]), int(found[4]))
            taken = _with_time(name, found, day, zone)
        except ValueError:
            continue
        if EARLIEST <= taken.day <= today and (born_on is None or taken.day > born_on):
            yield taken
    for found in _DAY_FIRST.finditer(name):
        try:
            day = date(int(found[4]), int(found[3]), int(found[1]))
        except ValueError:
            continue
        if EARLIEST <= day <= today and (born_on is None or day > born_on):
            yield Taken(day)


def _with_time(name: str, found: re.Match[str], day: date, zone: tzinfo) -> Taken:
    """Return a day of a name with the time that stands behind it. Raises ValueError for one that no clock shows."""
    said = _CLOCK.match(name, found.end())
    if said is None:
        return Taken(day)
    offset = UTC if _UTC_BEFORE.search(name[: found.start()]) else _offset(name, said)
    if said["second"] is None and not (offset or said["half"] or said["before"] in ("T", "t") or said["to"] == ":"):
        # Four digits behind a day may be any number.
        return Taken(day)
    at = time(_hour(said), int(said["minute"]), int(said["second"] or 0))
    if offset is False or _ABBREVIATION.match(name, said.end()):
        return Taken(day)
    return _in(datetime.combine(day, at, offset), zone) if offset else Taken(day, at)


def _hour(said: re.Match[str]) -> int:
    """Return the hour of 24. Raises ValueError for one that a clock of twelve hours doesn't show."""
    hour = int(said["hour"])
    if not said["half"]:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError
    return hour % 12 + (12 if said["half"] in "pP" else 0)


def _offset(name: str, said: re.Match[str]) -> timezone | Literal[False] | None:
    """Return the offset that stands behind a time, None without one, False where it isn't clear whether it is one."""
    found = _OFFSET.match(name, said.end())
    assert found is not None  # it may be empty
    if found["sign"] is None:
        return UTC if found["utc"] else None
    whole = len(found["hours"]) == 2 and found["minutes"] is not None
    if not found["utc"] and not whole and found["sign"] == "-":
        # A number that was put behind the name.
        return None
    if int(found["hours"]) > 14:
        return UTC if found["utc"] else None
    # A minus may be a dash before a number.
    if found["sign"] == "-" and not (found["colon"] == ":" or (whole and (found["utc"] or _is_iso(said, found)))):
        return False
    size = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    return timezone(size if found["sign"] == "+" else -size)


def _is_iso(said: re.Match[str], offset: re.Match[str]) -> bool:
    return said["before"] in ("T", "t") or offset["apart"] == " "


def _of_container(created: str | None, zone: tzinfo, today: date) -> Taken | None:
    try:
        instant = datetime.fromisoformat(created or "")
    except ValueError:
        return None
    # Containers without a zone keep the time of where they were recorded.
    taken = Taken(instant.date(), instant.time()) if instant.tzinfo is None else _in(instant, zone)
    return taken if EARLIEST <= taken.day <= today else None


def _in(instant: datetime, zone: tzinfo) -> Taken:
    local = instant.astimezone(zone)
    return Taken(local.date(), local.time().replace(microsecond=0))
