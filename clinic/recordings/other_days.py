"""Days and times in names that are written in forms which are not read: only that one may stand there is asked.

By rule and not by language: three numbers beside each other, a number and a year beside a word, six or eight digits
that are a day in some order, or a longer run of digits that may hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from clinic.recordings import digit_runs

_APART = r"[^\dA-Za-z]{1,3}"
_WORD = rf"(?:[^\W\d_]{{1,3}}{_APART})?[^\W\d_]{{3,}}\.?(?:{_APART}[^\W\d_]{{1,3}})?"
"""The name of a month, or any other word; "31 de octubre de 2026" has short ones beside it."""
# Beside a word, lower numbers than 20 are those of visits rather than years.
_N, _YEAR = r"\d{1,2}(?:st|nd|rd|th)?", r"(?:1[3-9]|2[0-6])\d{2}"
"""Years of the calendars in use: 1405 and 1448 (Persian, Islamic), 2026, 2569 (Buddhist)."""
_THREE = re.compile(
    rf"(?<![A-Za-z0-9])(?:{_YEAR}{_APART}{_N}{_APART}{_N}|{_N}{_APART}{_N}{_APART}(?:\d{{2}}|{_YEAR})"
    rf"|{_N}(?:{_APART})?{_WORD}(?:{_APART})?(?:[2-4]\d|{_YEAR})|{_YEAR}(?:{_APART})?{_WORD}(?:{_APART})?{_N}"
    rf"|(?<![^\W_]){_WORD}(?:{_APART})?{_N}{_APART}{_YEAR})(?![\dA-Za-z])",
    re.IGNORECASE,
)
_MONTHS = (
    r"Jan(?:uary?|uari|vier)?|Janv|Ene(?:ro)?|Gen(?:naio)?|Feb(?:ruary?|ruari|rero|braio)?|F[eé]v(?:rier|ereiro)?"
    r"|M[aä]r(?:ch|z|s|zo|[cç]o)?|Maart|A[pbv]r(?:il|ile)?|Avril|May|Ma[ijy]o?|Mei|Maggio|Jun[eio]?|Juin|Giu(?:gno)?|Junho"
    r"|Jul[yio]?|Juil(?:let)?|Lug(?:lio)?|Julho|Aug(?:ust|ustus)?|Ao[uû]t|Ago(?:sto)?|Sept?(?:ember|embre|tiembre)?"
    r"|Set(?:tembre|embro)?|O[ck]t(?:ober|obre|ubre)?|Ott(?:obre)?|Out(?:ubro)?|Nov(?:ember|embre|iembre|embro)?"
    r"|De[cz](?:ember|embro)?|D[eé]c(?:embre)?|Dic(?:embre|iembre)?"
)
_DAY_ALONE = re.compile(
    rf"(?<![A-Za-z0-9]){_N}(?:{_APART}(?:de |of |d')?)?(?:{_MONTHS})(?![^\W\d_])"
    rf"|(?<![^\W_])(?:{_MONTHS})(?:{_APART})?{_N}(?!\d)"
    r"|(?<![\w.])(?:0[1-9]|[12]\d|3[01])[-._/\u2044](?:0[1-9]|1[0-2])(?![\w])"
    r"|(?<![\w.])(?:0[1-9]|1[0-2])[-._/\u2044](?:0[1-9]|[12]\d|3[01])(?![\w])",
    re.IGNORECASE,
)
"""Days without a year: a number beside a month, in seven languages, or two numbers of two digits."""
_OF_YEAR = re.compile(
    r"(?<![A-Za-z0-9])(?:19|20)\d{2}(?:[-_. ]?[^\W\d_]{1,5}[-_. ]?\d{1,2}|[-_. ]?(?:[0-2]\d{2}|3[0-6]\d))(?!\d)"
    r"|(?<!\w)(?:19|20)\d{2}[-_. ]\d{1,2}(?!\d)"
    r"|(?<![^\W_])[^\W\d_]{1,5}[-_. ]?\d{1,2}[-_. /]{1,2}(?:19|20)\d{2}(?!\d)"
    rf"|(?<![^\W_])(?:{_MONTHS})[-_. ]?(?:19|20)\d{{2}}(?!\d)",
    re.IGNORECASE,
)
"""A week, a month or a number of a day beside its year: 2026-W45-3, KW45 2026, 2026-307, 2026-11, Nov 2026."""
_RUN = re.compile(r"(?<![A-Za-z0-9])\d{6}(?![A-Za-z0-9])|(?<!\d)(?:\d{8}|\d{9,})(?!\d)")
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.hH_-]\d{2}(?!\d)|(?<![^\W_])\d{1,2}[^\W\d_]")
_HOUR = re.compile(r"(?<![^\W_])(?:\d{1,2}|\d{4}|\d{6})(?!\d)[ _][^\W\d_]")
"""A number before a word: 11 PM, 23 Uhr, 2330 PDT."""


def days_in(text: str) -> int:
    """Return how many days a text may say."""
    return len(_THREE.findall(text)) + sum(bool(digit_runs.days(found)) for found in _RUN.findall(text))


def parts_in(text: str) -> bool:
    """Return whether a text may say a part of a day: one without its year, a week, a month, a number of its year."""
    return bool(_OF_YEAR.search(text) or _DAY_ALONE.search(text))


def has_time(before: str, *behind: str) -> bool:
    """Return whether the texts before and behind a day may say a time. A number and a word before it are a title."""
    return any(map(_TIME.search, (before, *behind))) or any(map(_HOUR.search, behind))


def agrees(text: str, day: date) -> bool:
    """Return whether the numbers of a text can be those of a day in some zone."""
    numbers = set(_numbers(text))
    near = (day + timedelta(days=days) for days in (-1, 0, 1))
    if any(abs(one - day) <= timedelta(days=1) for found in _RUN.findall(text) for one in digit_runs.days(found)):
        return True
    return any(one.day in numbers and not numbers.isdisjoint((one.year, one.year % 100)) for one in near)


def parts_agree(text: str, day: date) -> bool:
    """Return whether what a text says in part can be of a day: its number, its week or its place in the year."""
    numbers = set(_numbers(text))
    years = {number for number in numbers if 1900 <= number < 2100}
    near = (day + timedelta(days=days) for days in (-1, 0, 1))
    return any(
        (not years or one.year in years)
        and not numbers.isdisjoint((one.day, one.isocalendar().week, one.timetuple().tm_yday))
        for one in near
    )


def _numbers(text: str) -> Iterator[int]:
    for digits in re.findall(r"\d+", text):
        yield int(digits)
        if len(digits) in (6, 8):
            yield from (int(digits[:2]), int(digits[2:4]), int(digits[4:]))
