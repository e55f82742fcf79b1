"""The rows of an export, read piece by piece: whatever an archive claims, little of it is in memory at once."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, Any, BinaryIO, TextIO, cast

from sqlalchemy import Column

from clinic.exchange.csv_rows import bounded_rows
from clinic.exchange.csv_tables import SAMPLES
from clinic.exchange.exports import FORMAT, OTHER_SAMPLES_CSV, PATIENT_JSON, SAMPLES_CSV, SCHEMA_VERSION
from fer_core.errors import FerError
from fer_core.types import Status

JSON_BYTES, JSON_VALUES = 64 << 20, 1_000_000
"""The most that the JSON may hold. A recording has about 150 values and 4 KB, so that this is 6,000 of them; a million
values take about 100 MB when they are read."""
ROW_CHARS = 1 << 20
"""The longest row; one with 200 pictures and all its figures has about 70,000 characters."""
PIECE_CHARS = 1 << 16
MOST_SAMPLES = 20_000_000
"""Ten years of an hour a week, looked at ten times a second."""
CONTENTS_BYTES = 12 << 20
"""The longest table of contents: of the files that the JSON can name, each takes about 90 bytes."""
MOST_NUMBER = 10**9
"""The largest whole number of a column: of 32 bits in some databases, and several are counted on."""
SAMPLE_CHARS = 4096
"""The longest row of the samples: 20 numbers take less than 500 characters."""

Row = dict[str, Any]
_SPACE = re.compile(r"[ \t\r\n]*+")


def opened(file: BinaryIO) -> zipfile.ZipFile:
    """Return an archive to be closed. Raises FerError ``export_too_large``, zipfile.BadZipFile, OSError."""
    archive = zipfile.ZipFile(cast(BinaryIO, _Bounded(file)))
    # Of these alone zipfile unpacks piece by piece; an export has no others.
    if any(one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for one in archive.infolist()):
        archive.close()
        raise zipfile.BadZipFile("another way to pack")
    return archive


class _Bounded:
    """A file of which little is read at once: a ZIP's table of contents is, and may claim millions of files."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises FerError ``export_too_large``."""
        found = self._file.read(CONTENTS_BYTES + 1 if size < 0 else min(size, CONTENTS_BYTES + 1))
        if len(found) > CONTENTS_BYTES:
            raise too_large()
        return found


def read_tables(archive: zipfile.ZipFile, known: set[str]) -> Iterator[tuple[str, Row]]:
    """Yield the rows of the JSON, each with the name of its table.

    Raises FerError ``export_newer``, ``export_too_large``, and ValueError, TypeError or LookupError for what is none.
    """
    if archive.getinfo(PATIENT_JSON).file_size > JSON_BYTES:
        raise too_large()
    with archive.open(PATIENT_JSON) as file:
        text, head, seen = _Json(file), dict[str, Any](), set[str]()
        for key in text.members():
            if key != "tables":
                head[key] = text.value()
                continue
            _need_format(head)
            for name in text.members():
                if name in seen:
                    raise ValueError("a table twice")
                if name not in known:
                    raise newer()
                seen.add(name)
                yield from ((name, row) for row in text.items())
        _need_format(head)


def _need_format(head: Row) -> None:
    if head["format"] != FORMAT:
        raise ValueError("another format")
    if head["schema_version"] > SCHEMA_VERSION:
        raise newer()


def newer() -> FerError:
    """Return the refusal of an export of a later version."""
    return FerError("This export was made by a newer version of the program. Please update first.", "export_newer")


def too_large() -> FerError:
    """Return the refusal of an export that is beyond the limits."""
    return FerError(
        f"This export is larger than allowed ({JSON_BYTES >> 20} MiB or {JSON_VALUES:,} values beside the samples,"
        f" {MOST_SAMPLES:,} samples). Nothing was added.",
        "export_too_large",
    )


class _Json:
    """JSON that is read on demand: its outer objects one member at a time, its rows whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file: TextIO = io.TextIOWrapper(file, "utf-8")
        self._text, self._at, self._values = "", 0, 0
        self._decoder = json.JSONDecoder(parse_constant=_no_number)

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; the value of each is to be read before the next one."""
        for _ in self._parts("{", "}"):
            key = self.value()
            if not isinstance(key, str):
                raise ValueError("no key")
            self._skip(":")
            yield key

    def items(self) -> Iterator[Row]:
        """Yield the objects of the list that begins here."""
        for _ in self._parts("[", "]"):
            item = self.value()
            if not isinstance(item, dict):
                raise ValueError("no row")
            yield item

    def value(self) -> Any:
        """Return the value that begins here. Raises FerError ``export_too_large`` for a very long one."""
        self._next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                end = len(self._text)
            # What ends with the text that was read may go on: a number, for instance.
            if end < len(self._text):
                self._count(self._text[self._at : end])
                self._at = end
                return value
            if len(self._text) - self._at >= ROW_CHARS:
                raise too_large()
            self._read_on()

    def _parts(self, begin: str, end: str) -> Iterator[None]:
        self._skip(begin)
        more = self._next() != end
        while more:
            yield
            more = self._next() != end
            if more:
                self._skip(",")
        self._skip(end)

    def _next(self) -> str:
        """Return the next character that is no white space, and stand before it."""
        self._at = _after_space(self._text, self._at)
        while self._at == len(self._text):
            self._read_on()
            self._at = _after_space(self._text, self._at)
        return self._text[self._at]

    def _skip(self, mark: str) -> None:
        if self._next() != mark:
            raise ValueError("no JSON")
        self._at += 1

    def _read_on(self) -> None:
        # At least as much again: a long row is tried a few times alone.
        left = len(self._text) - self._at
        piece = self._file.read(min(max(PIECE_CHARS, left), ROW_CHARS - left))
        if not piece:
            raise ValueError("the text ends too early")
        self._text, self._at = self._text[self._at :] + piece, 0

    def _count(self, text: str) -> None:
        # Each value but the first follows on one of these, or stands in text that holds it.
        self._values += 1 + sum(text.count(mark) for mark in ",[{")
        if self._values > JSON_VALUES:
            raise too_large()


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _no_number(_constant: str) -> Any:
    raise ValueError("no number")


def read_samples(archive: zipfile.ZipFile, own: set[str], at_once: int) -> Iterator[tuple[list[Row], float]]:
    """Yield the rows of the samples, so many at once, each time with the share of all that has been read, 0 to 1.

    Raises FerError ``export_too_large``, ValueError for one of a recording that is not in `own`, and csv.Error.
    """
    files = [archive.getinfo(SAMPLES_CSV)]
    # Before the sixth version of the schema, samples of all versions were in one file.
    if OTHER_SAMPLES_CSV in archive.namelist():
        files.append(archive.getinfo(OTHER_SAMPLES_CSV))
    length = max(1, sum(file.file_size for file in files))
    before, left = 0, MOST_SAMPLES
    for file in files:
        with archive.open(file) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
            rows = _samples(text, own, left)
            while some := list(islice(rows, at_once)):
                left -= len(some)
                yield some, min(1.0, (before + raw.tell()) / length)
        before += file.file_size


def _samples(text: TextIO, own: set[str], most: int) -> Iterator[Row]:
    rows = bounded_rows(text, SAMPLE_CHARS, strict=True)
    columns = [SAMPLES.columns[name] for name in next(rows)[1]]
    names, cells = [column.name for column in columns], [_cell_of(column) for column in columns]
    for number, (_, line) in enumerate(rows):
        if number == most:
            raise too_large()
        values = (cell(value) for cell, value in zip(cells, line, strict=True))
        row = dict(zip(names, values, strict=True))
        if row["recording_id"] not in own:
            raise ValueError("a sample of another recording")
        Status(row["status"])
        yield row


def _cell_of(column: Column[Any]) -> Callable[[str], Any]:
    """Return what makes a column's value of a cell. It raises ValueError."""
    kind, nullable = column.type.python_type, column.nullable

    def read(cell: str) -> Any:
        if cell == "" and nullable:
            return None
        value = kind(cell)
        if (kind is float and not math.isfinite(value)) or (kind is int and abs(value) > MOST_NUMBER):
            raise ValueError("no number")
        return value

    return read
