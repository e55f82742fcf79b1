"""The rows that an export holds, read from its files as the tables' columns hold them."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from datetime import time as clock_time
from typing import Any

from sqlalchemy import JSON, Column, String, Table

from clinic.exchange.exports import (
    DERIVED,
    FORMAT,
    OF_THIS_JOB,
    PATIENT_JSON,
    SAMPLES,
    SAMPLES_CSV,
    SCHEMA_VERSION,
    patient_tables,
)
from db.models import Job, UtcDateTime
from fer_core.errors import FerError
from fer_core.types import Status

JSON_BYTES, JSON_VALUES = 64 << 20, 1_000_000
"""The most that the JSON may hold: what is larger is no export, but made to fill the memory. Large patients' exports
have some thousand values for each recording; a million take about 100 MB when they are read."""

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def known_tables() -> dict[str, Table]:
    """Return the tables whose rows stand in the JSON, by name."""
    return {table.name: table for table in patient_tables() if table is not SAMPLES}


def read_tables(archive: zipfile.ZipFile) -> Tables:
    """Return the rows of the JSON, each value typed. Raises FerError ``export_newer`` and whatever bad JSON raises."""
    content = json.loads(_bounded(archive))
    if content["format"] != FORMAT:
        raise ValueError("another format")
    known = known_tables()
    newer = content["schema_version"] > SCHEMA_VERSION or not set(content["tables"]) <= set(known)
    if newer or not all(
        set(row) <= set(known[name].columns.keys()) for name, rows in content["tables"].items() for row in rows
    ):
        raise FerError("This export was made by a newer version of the program; please update first.", "export_newer")
    tables = {name: [_typed(table, row) for row in content["tables"].get(name, [])] for name, table in known.items()}
    for rows, names in [(rows, DERIVED) for rows in tables.values()] + [(tables[Job.__tablename__], OF_THIS_JOB)]:
        for row in rows:
            for name in names:
                row.pop(name, None)
    return tables


def _bounded(archive: zipfile.ZipFile) -> bytes:
    """Return the JSON where it is small enough to be read: few bytes can be many objects.

    Raises FerError ``export_too_large``.
    """
    large = archive.getinfo(PATIENT_JSON).file_size > JSON_BYTES
    text = b"" if large else archive.read(PATIENT_JSON)
    # Each value but the first follows on one of these, or stands in text that holds it.
    if large or sum(text.count(mark) for mark in (b",", b"[", b"{")) > JSON_VALUES:
        raise FerError(
            f"This export holds more than is taken at once ({JSON_BYTES >> 20} MiB or {JSON_VALUES:,} values beside the"
            " samples). Nothing was added.",
            "export_too_large",
        )
    return text


def _typed(table: Table, row: Row) -> Row:
    return {name: _value(table.columns[name], value) for name, value in row.items()}


def _value(column: Column[Any], value: Any) -> Any:
    """Return a value of JSON as the column holds it. Raises ValueError for one that doesn't fit."""
    if value is None and column.nullable:
        return None
    kind = column.type.python_type
    if isinstance(column.type, JSON):
        if isinstance(value, (dict, list)):
            return value
    elif isinstance(column.type, UtcDateTime):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    elif kind in (date, clock_time):
        return kind.fromisoformat(value)
    elif kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    elif type(value) is kind and not _too_long(column, value):
        return value
    raise ValueError(f"{column.name} doesn't hold this")


def _too_long(column: Column[Any], value: Any) -> bool:
    return isinstance(column.type, String) and len(value) > (column.type.length or math.inf)


def read_samples(archive: zipfile.ZipFile, own: set[str]) -> Iterator[Row]:
    """Yield the rows of the samples. Raises ValueError for one of a recording that is not in the archive."""
    with archive.open(SAMPLES_CSV) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        for cells in csv.DictReader(text, strict=True):
            row = {name: _cell(SAMPLES.columns[name], cell) for name, cell in cells.items()}
            if row["recording_id"] not in own:
                raise ValueError("a sample of another recording")
            Status(row["status"])
            yield row


def _cell(column: Column[Any], cell: str) -> Any:
    if cell == "" and column.nullable:
        return None
    value = column.type.python_type(cell)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("no number")
    return value
