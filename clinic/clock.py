"""The time, asked in one place: the present instant, the clinic's day and zone, and lengths of time that a clock can't
stretch.

A clock may be set back or forward at any moment, so three rules hold everywhere. What came first is read off a row's
`number`, never off an instant. A stored instant counts only up to its own length: one that lies ahead of now was
written by another clock (`within`, `pending`). Where one process measures, it measures with `steady_s`.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from db.models import Installation

FIRST_DAY = date(1990, 1, 1)
"""The earliest day that a record may bear of a patient whose birth is not known."""
TOLERANCE = timedelta(minutes=1)
"""Clocks are normally corrected by no more than this; more is a jump."""


def first_day_in_words(born_on: date | None) -> str:
    """Return in words which day is the earliest that a record of a patient may bear."""
    return "the patient's birth" if born_on is not None else str(FIRST_DAY.year)


def now() -> datetime:
    """Return the present instant, in UTC."""
    return datetime.now(UTC)


def steady_s() -> float:
    """Return seconds on a clock that nobody sets; where the system has one, it goes on while the computer sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def within(instant: Any, length: timedelta, at: datetime) -> Any:
    """Return whether an instant (or a column of them) lies in the `length` before `at`, and not ahead of it."""
    return (instant > at - length) & (instant <= at + TOLERANCE)


def pending(deadline: Any, longest: timedelta, at: datetime) -> Any:
    """Return whether a deadline (or a column of them) is still to come, and no further away than it can be."""
    return (deadline > at) & (deadline <= at + longest + TOLERANCE)


def file_age_s(path: Path) -> float:
    """Return for how many seconds a file was not written to; 0 for one that is gone.

    A file that a clock ahead of this one wrote is given the present time, so that it ages from now on.
    """
    try:
        age = now().timestamp() - path.stat().st_mtime
        if age < -TOLERANCE.total_seconds():
            at = now().timestamp()
            os.utime(path, (at, at))
    except FileNotFoundError:
        return 0.0
    return max(0.0, age)


def zone(session: Session) -> tzinfo:
    """Return the clinic's time zone; UTC until one is chosen."""
    return chosen_zone(session) or UTC


def chosen_zone(session: Session) -> tzinfo | None:
    """Return the clinic's time zone, None until one is chosen."""
    name = zone_name(session)
    return ZoneInfo(name) if name else None


def zone_name(session: Session) -> str | None:
    """Return the name of the clinic's time zone, such as ``Europe/Berlin``, None until one is chosen."""
    known = _installation(session)
    return known.zone or None if known is not None else None


def _installation(session: Session) -> Installation | None:
    """Return the clinic's row, which one session reads once: SQLAlchemy forgets what nobody holds."""
    known = session.info["installation"] = session.get(Installation, Installation.ONLY)
    return known


def today(session: Session) -> date:
    """Return the day that it is in the clinic."""
    return day_of(session, now())


def latest_day(session: Session) -> date:
    """Return the latest day that it may be in the clinic: the date line's, until a zone is chosen."""
    known = _installation(session)
    if known is not None and known.zone:
        return today(session)
    return (now() + timedelta(hours=14)).date()


def day_of(session: Session, instant: datetime) -> date:
    """Return on which of the clinic's days an instant fell."""
    return instant.astimezone(zone(session)).date()


def begins(session: Session, day: date) -> datetime:
    """Return the instant at which a day begins in the clinic."""
    return datetime(day.year, day.month, day.day, tzinfo=zone(session)).astimezone(UTC)


def exists(day: date, at: time_of_day, zone: tzinfo) -> bool:
    """Return whether a day has this time of day: where clocks go forward, an hour is left out."""
    local = datetime.combine(day, at, zone)
    try:
        return local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
    except OverflowError:
        # The first and the last day of the calendar.
        return True


def comes_twice(day: date, at: time_of_day, zone: tzinfo) -> bool:
    """Return whether a day has this time of day twice: where clocks go back, an hour is repeated."""
    local = datetime.combine(day, at, zone)
    return exists(day, at, zone) and local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
