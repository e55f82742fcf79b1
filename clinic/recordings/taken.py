"""When a file was recorded, as its name and its container say: a suggestion, which a person may change.

The rule: a name counts where all of it that can bear on the moment is understood. Text directly behind a time that is
neither a known zone nor a copy's number may be a zone or a half of the day in any language, so the time is unsure, and
with it the day. Then the container counts if its day agrees with the name's numbers, else nothing is suggested.

Sources of the names: the live view here (LIVE_, UTC), Android's camera (VID_, IMG_, local time), Google's Pixel
(PXL_, UTC), Zoom (GMT, UTC), WhatsApp (IMG-…-WA, the day alone), Signal, macOS's screen recordings (12 hours with AM
and PM), ISO 8601 as programs write it into names, with or without an offset; see `digit_runs` for those that count
since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import takewhile

from clinic import clock, phrases, words
from clinic.recordings import digit_runs, other_days
from clinic.recordings.contained import EARLIEST, has_zone, in_zone, of_container
from clinic.recordings.moment import Taken

OTHER_CALENDARS = range(1300, 2700)
BIRTH_FROM = timedelta(days=3 * 365)
"""A day of a name without a time that is longer ago may be the birth of a patient whose date of birth isn't stored."""

_ENDING = re.compile(r"\.(?!\d+z$)(?=\w*[a-z])[a-z0-9]{2,5}$", re.IGNORECASE)
_DAY = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?:(?!\d)|(?=(?:\d{2}|\d{4}|\d{6}|\d{9})(?!\d)))")
"""Days that begin with the year; behind them hours, minutes, seconds and milliseconds may follow in the same run."""
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})([-._ ])(\d{1,2})\2((?:19|20)\d{2})(?!\d)")
"""Days as 3.11.2026; with another sign than a dot nobody knows which number is the month."""
_CLOCK = re.compile(
    r"(?P<before> at |[ _T-]|, |)(?P<hour>\d{2}|\d(?=[-_.:]\d{2}[-_.:]))(?P<to>[-_.:]?)(?P<minute>\d{2})"
    r"(?:(?P=to)(?P<second>\d{2})(?:[-_.,]?\d{3}|[.,]\d{1,9})?)?(?!\d)"
    r"(?:[\s_]?(?P<half>[ap])\.?m\b)?\.?",
    re.IGNORECASE,
)
_UTC_BEFORE = re.compile(r"(?<![A-Za-z])(?:(?:GMT|UTC)[ _-]?|PXL_)$", re.IGNORECASE)
_OWN = re.compile(r"(?<![A-Za-z])LIVE_(?=\d{8}_\d{6}(?!\d))")
"""The names that the live view here gives, in UTC. "live" as a word of other programs' names says nothing."""
_ZONE_BEFORE = re.compile(r"(?:(?<![A-Za-z])[A-Z]{1,3}T|[+-]\d{2}:?(?:00|15|30|45)|\+\d{1,2})[ _()\[\]-]*$")
_ZONE_BEHIND = re.compile(r"[Tt]\d|[Zz](?![^\W\d_])")
"""Directly behind a day: a time that isn't understood, or UTC."""
_ZONE = re.compile(
    r"(?<![^\W\d_])(?:(?i:UTC|GMT|Zulu|[ECMP]DT|[MP]ST|AK[SD]T|[JK]ST|CEST|EEST|A[CEW][SD]T|NZ[SD]T|MES?Z|MSK)"
    r"|EST|CST|IST|BST|HST|SAST|WES?T|CET|EET|SGT|HKT|BRT"
    r"|(?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)[^A-Za-z0-9][A-Z][a-z]+)(?![^\W\d_])"
)
"""Zones that are read as such wherever they stand in a name; in small letters some are words, as "est" and "ist"."""
_COLONS = str.maketrans(dict.fromkeys("\uff1a\ua789\u2236\u02d0\ufe55", ":"))
"""Signs that programs write in names in place of a colon, which Windows doesn't allow."""
_OFFSET = re.compile(
    r"(?P<utc>Z|[ _-]?[(\[]?(?:UTC|GMT))?"
    r"(?:(?P<apart>[ _]?)(?P<sign>[+-])(?P<hours>\d{1,2})(?P<colon>[:._-]?)(?P<minutes>00|15|30|45)?)?[)\]]?"
    r"(?P<copy> ?\(\d{1,3}\)|~\d)?",
    re.IGNORECASE,
)
_COPY = re.compile(r"(?:[._]?(?:HDR|MP|TS|LS|NIGHT|PORTRAIT|PANO|COVER|BURST\d*|Pro))?(?: ?\(\d{1,3}\)|[~_]\d)?[)\]]?")
"""How a camera made the picture, and the number of a copy or a series, behind a time without a zone.

The bracket closes one around the moment.
"""


@dataclass(frozen=True, slots=True)
class _Said:
    """One day of a name. `written`: as it stands there; `taken`: in the clinic's zone, None where it isn't sure.

    `number`: birth and number of a person are written like this day and time, as 199302031530.
    """

    written: date
    taken: Taken | None
    end: int
    zoned: bool = False
    number: bool = False


def suggestion(name: str, created: str | None, zone: tzinfo, today: date, born_on: date | None = None) -> Taken | None:
    """Return what the name says of when the file was recorded, else what its container says; None where both are mute.

    `created`: the container's creation time in ISO 8601. `born_on`: the patient's birth, which is no day of recording.
    Nothing after `today` is suggested, and no time that the day didn't have in `zone`. Of a name with several days
    none is suggested: a container of an edited video has the day of the edit. So a name counts before it, but that its
    day is another one is said (`Taken.inside`).
    """
    contained = of_container(created, zone, today)
    said, rest = _read(_stem(name), zone)
    said = [one for one in said if _can_be(one, today, born_on)]
    unread = sum(map(other_days.days_in, rest))
    if not said and not unread:
        in_part = [text for text in rest if other_days.parts_in(text)]
        agree = contained is not None and all(other_days.parts_agree(text, contained.day) for text in in_part)
        found = contained if agree else None
    elif len({one.taken.day if one.taken else one.written for one in said}) + unread > 1:
        return None
    elif not unread and _is_clear(said, rest, today, born_on):
        found = _the_one(said)
        found = replace(found, inside=_other_day(found.day, said, contained, created))
    else:
        found = contained if contained is not None and _agrees(contained.day, said, rest) else None
    if found is not None and found.time is not None and not clock.exists(found.day, found.time, zone):
        left_out = words.TIME_SKIPPED.format(time=found.time, day=phrases.day(found.day))
        return replace(found, time=None, left_out=left_out)
    return found


def names_a_day(name: str) -> bool:
    """Return whether a name says a day or a part of one, or may: of no calendar, unclear, or in another form."""
    stem = _stem(name)
    if any(map(_is_read, _DAY.finditer(stem))) or _DAY_FIRST.search(stem) or any(digit_runs.instants(stem)):
        return True
    return any(other_days.days_in(text) or other_days.parts_in(text) for text in _read(stem, UTC)[1])


def _stem(name: str) -> str:
    return _ENDING.sub("", name).translate(_COLONS)


def _is_read(found: re.Match[str]) -> bool:
    """Return whether eight digits are a day that begins with its year, of another calendar too, or a wrong one."""
    year = int(found[1])
    if EARLIEST.year <= year < 2100:
        return True
    behind = _digits_behind(found)
    if behind and digit_runs.days(found[1] + found[3] + found[4] + behind):
        return False
    return year in OTHER_CALENDARS and _date(found[1], found[3], found[4]) is not None


def _digits_behind(found: re.Match[str]) -> str:
    return "".join(takewhile(str.isdigit, found.string[found.end() :]))


def _read(stem: str, zone: tzinfo) -> tuple[list[_Said], list[str]]:
    """Return the days that a name says, and the pieces of text around them."""
    said, spans = [], []
    for span, instant in digit_runs.instants(stem):
        taken = in_zone(instant, zone)
        said.append(_Said(taken.day, taken, span[1], zoned=True))
        spans.append(span)
    for found in filter(_is_read, _DAY.finditer(stem)):
        day = _date(found[1], found[3], found[4])
        one = _with_time(stem, found, day, zone) if day is not None else None
        said += [one] if one is not None else []
        spans.append((found.start(), one.end if one is not None else found.end()))
    for found in _DAY_FIRST.finditer(stem):
        day = _date(found[4], found[3], found[1])
        if found[2] == "." and day is not None:
            said.append(_with_time(stem, found, day, zone))
            spans.append((found.start(), said[-1].end))
    zoned = {one.written for one in said if one.zoned}
    return [one for one in said if one.zoned or one.written not in zoned], _around(stem, spans)


def _around(stem: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    pieces, start = [], 0
    for begin, end in sorted(spans):
        pieces.append(stem[start:begin])
        start = max(start, end)
    return [*pieces, stem[start:]]


def _can_be(said: _Said, today: date, born_on: date | None) -> bool:
    """Return whether a day of a name can be that of a recording."""
    day = said.taken.day if said.taken is not None else said.written
    return EARLIEST <= day <= today and (born_on is None or day > born_on)


def _is_clear(said: Sequence[_Said], rest: Sequence[str], today: date, born_on: date | None) -> bool:
    """Return whether nothing in the name leaves open which day, in which zone, is the recording's."""
    if any(one.zoned for one in said):
        return True
    if any(one.taken is None for one in said) or other_days.has_time(*rest):
        return False
    timed = any(one.taken is not None and one.taken.time is not None and not one.number for one in said)
    return timed or born_on is not None or all(one.written > today - BIRTH_FROM for one in said)


def _agrees(contained: date, said: Sequence[_Said], rest: Sequence[str]) -> bool:
    """Return whether a container's day is that of an unclear name in some zone: it may be that of an edit."""
    if said:
        return abs(contained - said[0].written) <= timedelta(days=1)
    return any(other_days.agrees(text, contained) for text in rest)


def _other_day(named: date, said: Sequence[_Said], contained: Taken | None, created: str | None) -> date | None:
    """Return the day that a container says, where a name's can't be the same; None where it can, or it says none."""
    if contained is None:
        return None
    # Two times of which one is in another zone may be of two days.
    zoned = has_zone(created) or any(one.zoned for one in said)
    return contained.day if abs(contained.day - named) > timedelta(days=1 if zoned else 0) else None


def _the_one(said: Sequence[_Said]) -> Taken:
    """Return the one day of a name, with its time unless there are several."""
    found = [one.taken for one in said if one.taken is not None]
    times = {one.time for one in found if one.time is not None}
    day = said[0].taken.day if said[0].taken is not None else said[0].written
    if len(times) > 1:
        return Taken(day, left_out=words.TIMES_IN_NAME)
    left_out = "" if times else next((one.left_out for one in found), "")
    return Taken(day, next(iter(times), None), left_out=left_out)


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _with_time(stem: str, found: re.Match[str], day: date, zone: tzinfo) -> _Said:
    """Return a day of a name with the time that stands behind it, as far as both are sure."""
    behind = _digits_behind(found)
    if behind and not _is_one_moment(found, day, behind):
        return _Said(day, None, found.end() + len(behind))
    said = _CLOCK.match(stem, found.end())
    before = stem[: found.start()]
    zoned = _ZONE.search(before) or _ZONE_BEFORE.search(before)
    if said is None:
        unsure = zoned or _ZONE_BEHIND.match(stem, found.end()) or _ZONE.search(stem, found.end())
        return _Said(day, None if unsure else Taken(day), found.end() + len(behind))
    in_utc = bool(_UTC_BEFORE.search(before) or _OWN.search(stem, max(0, found.start() - 5), found.end() + 8))
    offset = UTC if in_utc else _offset(stem, said)
    known = offset is not None or _COPY.fullmatch(stem, said.end()) is not None
    if not known or (offset is None and (zoned or _ZONE.search(stem, said.end()))):
        return _Said(day, None, said.end())
    sure = behind or offset or said["half"] or said["before"] in ("T", "t") or said["to"] == ":"
    if said["second"] is None and not sure:
        # Four digits apart from a day may be any number.
        return _Said(day, Taken(day), said.end())
    at = _time(said)
    if at is None:
        return _Said(day, None, said.end())
    if offset is None:
        return _Said(day, Taken(day, at), len(stem), number=len(behind) == len("1530"))
    return _Said(day, in_zone(datetime.combine(day, at, offset), zone), said.end() if in_utc else len(stem), zoned=True)


def _is_one_moment(found: re.Match[str], day: date, behind: str) -> bool:
    """Return whether a day and the digits behind it in the same run are a day and a time, and nothing else."""
    if len(behind) in (6, 9):
        return True  # of many digits that make a time none does by chance
    return not found[2] and digit_runs.is_time(behind) and digit_runs.days(found[0] + behind) == {day}


def _time(said: re.Match[str]) -> time | None:
    """Return a time of a name in 24 hours, None for one that no clock shows."""
    hour = int(said["hour"])
    if said["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if said["half"] in "pP" else 0)
    try:
        return time(hour, int(said["minute"]), int(said["second"] or 0))
    except ValueError:
        return None


def _offset(stem: str, said: re.Match[str]) -> timezone | None:
    """Return the offset behind a time; None where the rest of the name is not one, or may be something else."""
    found = _OFFSET.fullmatch(stem, said.end())
    if found is None or (found["utc"] is None and found["sign"] is None):
        return None
    if found["sign"] is None:
        return UTC
    whole = len(found["hours"]) == 2 and found["minutes"] is not None
    if int(found["hours"]) > 14 or not (whole or found["utc"]):
        return None
    # A minus may be a dash before a number.
    if found["sign"] == "-" and not (found["colon"] == ":" or (whole and (found["utc"] or _is_iso(said, found)))):
        return None
    size = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    return timezone(size if found["sign"] == "+" else -size)


def _is_iso(said: re.Match[str], offset: re.Match[str]) -> bool:
    return said["before"] in ("T", "t") or offset["apart"] == " "
