"""Days and times in names that are written in forms which are not read: only that one may stand there is asked.

By rule and not by language: three numbers beside each other, a number and a year beside a word, or six or eight digits
that are a day in some order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import permutations

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
_RUN = re.compile(r"(?<![A-Za-z0-9])\d{6}(?![A-Za-z0-9])|(?<!\d)\d{8}(?!\d)")
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.hH_-]\d{2}(?!\d)|(?<![^\W_])\d{1,2}[^\W\d_]")
_HOUR = re.compile(r"(?<![^\W_])(?:\d{1,2}|\d{4}|\d{6})(?!\d)[ _][^\W\d_]")
"""A number before a word: 11 PM, 23 Uhr, 2330 PDT."""


def days_in(text: str) -> int:
    """Return how many days a text may say."""
    return len(_THREE.findall(text)) + sum(_is_day(found) for found in _RUN.findall(text))


def has_time(before: str, *behind: str) -> bool:
    """Return whether the texts before and behind a day may say a time. A number and a word before it are a title."""
    return any(map(_TIME.search, (before, *behind))) or any(map(_HOUR.search, behind))


def agrees(text: str, day: date) -> bool:
    """Return whether the numbers of a text can be those of a day in some zone."""
    numbers = set(_numbers(text))
    near = (day + timedelta(days=days) for days in (-1, 0, 1))
    return any(one.day in numbers and not numbers.isdisjoint((one.year, one.year % 100)) for one in near)


def _numbers(text: str) -> Iterator[int]:
    for digits in re.findall(r"\d+", text):
        yield int(digits)
        if len(digits) in (6, 8):
            yield from (int(digits[:2]), int(digits[2:4]), int(digits[4:]))


def _is_day(digits: str) -> bool:
    """Return whether six or eight digits are a day in some order, of the years 1990 to 2049."""
    if len(digits) == 8:
        orders = [(digits[4:], *order) for order in permutations((digits[:2], digits[2:4]))]
    else:
        orders = [
            (("20" if year < "50" else "19") + year, *order)
            for year, *others in ((digits[:2], digits[2:4], digits[4:]), (digits[4:], digits[:2], digits[2:4]))
            for order in permutations(others)
        ]
    return any(_exists(*order) for order in orders)


def _exists(year: str, month: str, day: str) -> bool:
    try:
        return 1990 <= date(int(year), int(month), int(day)).year < 2050
    except ValueError:
        return False
