"""Tables of other programs (OpenFace, py-feat, FaceReader) reduced to one figure for each measure.

A table is of one recording with one face. What another program calls a measure stays as it is: its figures are never
compared with this program's shares, because they mean something else.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import BinaryIO

from clinic import texts
from clinic.exchange.csv_rows import RowTooLong, bounded_rows
from fer_core.errors import FerError

MOST_BYTES, MOST_ROWS, MOST_COLUMNS = 1_000_000_000, 1_000_000, 2000
LONGEST_ROW = 1 << 18
"""Characters: a row of OpenFace has about 5,000."""
MOST_OF_MOMENT = 32
"""Characters by which a table may name a moment or a face: each moment is remembered."""
HEADER_WITHIN = 50
_OPENFACE = re.compile(r"AU\d\d_[rc]")
_PYFEAT = re.compile(r"AU\d\d|anger|disgust|fear|happiness|sadness|surprise|neutral")
_FACEREADER = (
    "Neutral", "Happy", "Sad", "Angry", "Surprised", "Scared", "Disgusted", "Contempt", "Valence", "Arousal",
)  # fmt: skip
_FAILED = re.compile(r"FIT_FAILED|FIND_FAILED|UNKNOWN|", re.ASCII)


class Tool(StrEnum):
    """The program that made the table."""

    OPENFACE = "openface"
    PYFEAT = "pyfeat"
    FACEREADER = "facereader"


@dataclass(frozen=True, slots=True)
class Series:
    """The content of a table. `rows`: moments in it; `readable_share`: of these, with a face its program could read.

    `measures`: the mean over the readable moments, by the column's own name.
    """

    tool: Tool
    rows: int
    readable_share: float
    measures: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a table of a tool is read: the columns of measures, that of the moment, and the ones that say readable."""

    tool: Tool
    measures: dict[str, int]
    moment: int | None
    face: int | None = None
    success: int | None = None


def read(file: BinaryIO) -> Series:
    """Return a table's content; `file`, which stays open, is read a line at a time, so that its size costs no memory.

    Raises FerError ``unknown_table``, ``bad_table`` with the line, ``several_faces``, ``nothing_readable``.
    """
    try:
        with closing(_rows(file)) as rows:
            return _reduced(rows, _found(rows))
    except UnicodeDecodeError:
        raise FerError("This file is not a table in UTF-8 or UTF-16.", "unknown_table") from None
    except csv.Error:
        raise FerError("This file is not a readable table.", "unknown_table") from None


def _rows(file: BinaryIO) -> Generator[tuple[int, list[str]], None, None]:
    """Yield each row's last line and its cells without the spaces around them, one at a time: a table may be long.

    The delimiter is the one that the first lines have most of.
    """
    if file.seek(0, io.SEEK_END) > MOST_BYTES:
        raise _too_large()
    file.seek(0)
    begin = file.read(20_000)
    encoding = texts.encoding_of(begin)
    file.seek(0)
    delimiter = max("\t;,", key=begin.decode(encoding, "replace").count)
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        for count, (line, row) in enumerate(bounded_rows(text, LONGEST_ROW, delimiter)):
            if count == MOST_ROWS or len(row) > MOST_COLUMNS:
                raise _too_large()
            yield line, [cell.strip() for cell in row]
    except RowTooLong:
        raise _too_large() from None
    finally:
        text.detach()


def _too_large() -> FerError:
    return FerError("This table is too large.", "bad_table")


def _found(rows: Iterator[tuple[int, list[str]]]) -> _Layout:
    """Return how the table is read, with `rows` behind its header; FaceReader writes some lines before it."""
    for _, row in islice(rows, HEADER_WITHIN):
        for layout in (_openface(row), _facereader(row), _pyfeat(row)):
            if layout is not None and layout.measures:
                return layout
    raise FerError(
        "This is not a table of OpenFace, py-feat or FaceReader: none of their headers was found.", "unknown_table"
    )


def _openface(header: Sequence[str]) -> _Layout | None:
    if not {"frame", "confidence", "success"} <= set(header):
        return None
    face = header.index("face_id") if "face_id" in header else None
    measures = {name: place for place, name in enumerate(header) if _OPENFACE.fullmatch(name)}
    return _Layout(Tool.OPENFACE, measures, header.index("frame"), face, header.index("success"))


def _pyfeat(header: Sequence[str]) -> _Layout | None:
    if "FaceScore" not in header:
        return None
    measures = {name: place for place, name in enumerate(header) if _PYFEAT.fullmatch(name)}
    return _Layout(Tool.PYFEAT, measures, header.index("frame") if "frame" in header else None)


def _facereader(header: Sequence[str]) -> _Layout | None:
    if "Video Time" not in header:
        return None
    measures = {name: header.index(name) for name in _FACEREADER if name in header}
    return _Layout(Tool.FACEREADER, measures, header.index("Video Time"))


def _reduced(rows: Iterator[tuple[int, list[str]]], layout: _Layout) -> Series:
    sums = dict.fromkeys(layout.measures, 0.0)
    count = readable = 0
    seen: set[str] = set()
    faces: set[str] = set()
    for line, row in rows:
        if not any(row):
            continue
        count += 1
        _one_face(row, layout, seen, faces, line)
        values = _values(row, layout, line)
        if values is not None:
            readable += 1
            for name, value in zip(layout.measures, values, strict=True):
                sums[name] += value
    if not readable:
        raise FerError("No row of this table has a readable face.", "nothing_readable")
    return Series(layout.tool, count, readable / count, {name: total / readable for name, total in sums.items()})


def _one_face(row: Sequence[str], layout: _Layout, seen: set[str], faces: set[str], line: int) -> None:
    """Raise FerError ``several_faces`` where a moment or a face repeats: the patient's can't be known."""
    moment = _name(row, layout.moment, line) if layout.moment is not None else None
    if layout.face is not None:
        faces.add(_name(row, layout.face, line))
    if (moment is not None and moment in seen) or len(faces) > 1:
        raise FerError(
            f"Line {line}: the table has several faces. Please export only the patient's face.", "several_faces"
        )
    if moment is not None:
        seen.add(moment)


def _values(row: Sequence[str], layout: _Layout, line: int) -> list[float] | None:
    """Return the measures of a moment, None where its program found no face in it."""
    if layout.success is not None and _number(_cell(row, layout.success, line), line) != 1:
        return None
    cells = [_cell(row, place, line) for place in layout.measures.values()]
    if any(_is_empty(cell) for cell in cells):
        return None
    return [_number(cell, line) for cell in cells]


def _is_empty(cell: str) -> bool:
    return cell.lower() == "nan" or _FAILED.fullmatch(cell) is not None


def _cell(row: Sequence[str], place: int, line: int) -> str:
    if place >= len(row):
        raise FerError(f"Line {line} is too short.", "bad_table")
    return row[place]


def _name(row: Sequence[str], place: int, line: int) -> str:
    """Return what a table calls a moment or a face. Raises FerError ``bad_table`` for a very long one."""
    cell = _cell(row, place, line)
    if len(cell) > MOST_OF_MOMENT:
        raise FerError(f"Line {line}: {cell[:20]!r} is too long.", "bad_table")
    return cell


def _number(cell: str, line: int) -> float:
    """Return a number, written with a point or, as some settings do, with a comma."""
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FerError(f"Line {line}: {cell[:20]!r} is not a number.", "bad_table")
    return value


def is_label(measure: str) -> bool:
    """Return whether a measure says an expression or what is made of it; action units say a movement."""
    return not measure.startswith("AU")


def valid_measures(measures: Iterable[tuple[object, object]]) -> bool:
    """Return whether stored measures are ones that a table of these tools can give."""
    return all(
        isinstance(name, str)
        and (_OPENFACE.fullmatch(name) or _PYFEAT.fullmatch(name) or name in _FACEREADER)
        and isinstance(value, int | float)
        and math.isfinite(value)
        for name, value in measures
    )
