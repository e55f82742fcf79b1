"""Rows of a CSV file from outside, one at a time: no row, whatever its quotes say, fills the memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO


class RowTooLong(ValueError):
    """A row has more characters than allowed."""


def bounded_rows(
    text: TextIO, longest: int, delimiter: str = ",", strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the number of its last line, counted from 1.

    A cell in quotes may have line ends, so a bound on lines bounds no row: `longest` is the most characters of a row,
    over all of its lines. `strict`: refuse what isn't quoted as RFC 4180 says. Raises RowTooLong, csv.Error.
    """
    lines = _Lines(text, longest)
    reader = csv.reader(lines, delimiter=delimiter, strict=strict)
    for row in reader:
        yield reader.line_num, row
        lines.begin_row()


class _Lines:
    """The lines of a text; those of one row may be so long together."""

    def __init__(self, text: TextIO, longest: int) -> None:
        self._text, self._longest, self._left = text, longest, longest

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if len(line) > self._left:
            raise RowTooLong
        if not line:
            raise StopIteration
        self._left -= len(line)
        return line

    def begin_row(self) -> None:
        self._left = self._longest
