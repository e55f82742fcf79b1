"""When a file was recorded, as its name and its container say: a suggestion, which a person may change.

Sources of the names: the live view here (LIVE_, UTC), Android's camera (VID_, IMG_, local time), Google's Pixel
(PXL_, UTC), WhatsApp (IMG-…-WA, the day alone), Signal, screen recordings, ISO 8601.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

from clinic import clock

EARLIEST = date(1990, 1, 1)
"""An earlier day comes from a clock that was never set, or from a number that is no day."""
IN_UTC = ("PXL_", "LIVE_")
"""What names begin with that say the time in UTC."""
_NAMED = re.compile(
    r"(?<!\d)(?P<year>\d{4})(?P<mark>[-_.]?)(?P<month>\d{2})(?P=mark)(?P<day>\d{2})"
    r"(?:(?: at |[ _T-]|, )(?P<hour>\d{2})(?P<to>[-_.:]?)(?P<minute>\d{2})(?P=to)(?P<second>\d{2})(?:\d{3})?"
    r"(?P<utc>Z)?)?(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """The day of a recording in the clinic's zone, and the time of day where it is known.

    `guessed`: neither name nor container says the day.
    """

    day: date
    time: time | None = None
    guessed: bool = False


def suggestion(name: str, created: str | None, zone: tzinfo, today: date) -> Taken | None:
    """Return what the name says of when the file was recorded, else what its container says; None where both are mute.

    `created`: the container's creation time in ISO 8601. Nothing after `today` is suggested, and no time that the day
    didn't have in `zone`.
    """
    found = _of_name(name, zone, today) or _of_container(created, zone, today)
    if found is not None and found.time is not None and not clock.exists(found.day, found.time, zone):
        return Taken(found.day)
    return found


def names_another_day(name: str) -> bool:
    """Return whether a name says a day, which may be none of the calendar."""
    return any(int(found["year"]) >= EARLIEST.year for found in _NAMED.finditer(name))


def _of_name(name: str, zone: tzinfo, today: date) -> Taken | None:
    for found in _NAMED.finditer(name):
        number = {part: int(text) for part, text in found.groupdict().items() if text and text.isdecimal()}
        try:
            day = date(number["year"], number["month"], number["day"])
            at = time(number["hour"], number["minute"], number["second"]) if "second" in number else None
        except ValueError:
            continue
        taken = Taken(day, at)
        if at is not None and (found["utc"] or name.upper().startswith(IN_UTC)):
            taken = _in(datetime.combine(day, at, UTC), zone)
        if EARLIEST <= taken.day <= today:
            return taken
    return None


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
