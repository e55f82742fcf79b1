"""Runs of digits in names that may hold a day: days without a sign in between, with a time or a number behind, and
instants counted since 1970.

Sources of the counted ones: WeChat (mmexport, wx_camera_, microMsg.), Facebook (FB_IMG_, FB_VID_) and LINE
(LINE_MOVIE_) write milliseconds, the screen recorder of iOS (RPReplay_Final) seconds. Elsewhere such a number may be
any other, as that of an identity card, so it is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

FIRST_YEAR, LAST_YEAR = 1990, 2049
COUNTED_FROM = date(2010, 1, 1)
"""Before this no telephone wrote such names; lower numbers are those of people and things."""
_COUNTED = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:mmexport|wx_camera_|microMsg\.|FB_(?:IMG|VID)_|LINE_MOVIE_)(?P<ms>1\d{12})"
    r"|RPReplay_Final(?P<s>1\d{9}))(?![0-9A-Za-z])"
)
_UNITS = {10: timedelta(seconds=1), 13: timedelta(milliseconds=1), 16: timedelta(microseconds=1)}
"""By the number of digits; all of them begin with 1 until May 2033."""


def instants(stem: str) -> Iterator[tuple[tuple[int, int], datetime]]:
    """Yield the instants that programs known for it write into a name as a number, each with where it stands."""
    for found in _COUNTED.finditer(stem):
        yield found.span(), _since_1970(found["ms"] or found["s"])


def days(digits: str) -> set[date]:
    """Return the days that a run may say: of 6 or 8 digits in another order than the one that is read, or of more.

    Those of 9 and more begin or end with a day, or count since 1970.
    """
    if len(digits) in (6, 8):
        return _of_six(digits) if len(digits) == 6 else _year_last(digits)
    if len(digits) < 9:
        return set()
    found = _year_last(digits[:8]) | _year_first(digits[:8]) | _year_first(digits[-8:])
    if len(digits) in (10, 12) and is_time(digits[6:]):
        found |= _of_six(digits[:6], usual=True)
    counted = _since_1970(digits).date() if len(digits) in _UNITS and digits[0] == "1" else None
    return found | ({counted} if counted is not None and counted >= COUNTED_FROM else set())


def is_time(digits: str) -> bool:
    """Return whether two, four or six digits are a time of day."""
    hour, minute, second = (int(digits[at : at + 2] or 0) for at in (0, 2, 4))
    try:
        time(hour, minute, second)
    except ValueError:
        return False
    return True


def _since_1970(digits: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + int(digits) * _UNITS[len(digits)]


def _year_first(digits: str) -> set[date]:
    return _those((digits[:4], digits[4:6], digits[6:]))


def _year_last(digits: str) -> set[date]:
    return _those((digits[4:], digits[:2], digits[2:4]), (digits[4:], digits[2:4], digits[:2]))


def _of_six(digits: str, usual: bool = False) -> set[date]:
    """Return the days of a year of two digits. `usual`: without year, day, month, which nobody writes on purpose."""
    one, two, three = digits[:2], digits[2:4], digits[4:]
    orders = [(one, two, three), (three, one, two), (three, two, one), *([] if usual else [(one, three, two)])]
    return _those(*((("20" if year < "50" else "19") + year, month, day) for year, month, day in orders))


def _those(*orders: tuple[str, str, str]) -> set[date]:
    found = set()
    for year, month, day in orders:
        try:
            one = date(int(year), int(month), int(day))
        except ValueError:
            continue
        found |= {one} if FIRST_YEAR <= one.year <= LAST_YEAR else set()
    return found
