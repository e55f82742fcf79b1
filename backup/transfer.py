"""Moving a clinic from one database to another of any kind: everything, checked row by row, or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Enum,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    type_coerce,
)

from db.connection import READ_ONLY, make_engine
from db.copies import sqlite_path
from db.migrate import current, head, upgrade
from db.models import Base, Installation
from db.room import disk_full
from db.urls import parsed
from fer_core.errors import FerError

ROWS_AT_ONCE = 1000


class TransferError(FerError):
    """A clinic that was not moved; the database to move from is as it was, and the other one is empty."""

    code = "transfer_refused"


@dataclass(frozen=True, slots=True)
class TableDigest:
    """The number of rows of a table, and the sum of their SHA-256 modulo 2^256, in which their order plays no part."""

    rows: int = 0
    total: int = 0

    @property
    def sha256(self) -> str:
        """The sum as 64 hexadecimal digits."""
        return f"{self.total:064x}"

    def plus(self, rows: Sequence[Row[Any]]) -> TableDigest:
        """Return the digest with these rows added."""
        total = self.total + sum(_row_hash(row) for row in rows)
        return TableDigest(self.rows + len(rows), total % (1 << 256))


def transfer(source_url: str, target_url: str) -> dict[str, TableDigest]:
    """Copy all tables of one database to an empty one, and return what each table holds; others may write meanwhile.

    What one moment of the source held is written in one transaction, read again, and compared before it commits.
    A SQLite file that was made for it goes again where that fails.
    Raises TransferError ``source_not_current``, ``target_not_empty``, ``transfer_incomplete``, ``disk_full``.
    """
    if current(source_url) != head():
        raise TransferError(
            "The database to copy is missing, or is not at this version's tables. Please start the program on it once.",
            "source_not_current",
        )
    with _whole_or_gone(target_url):
        _refuse_unless_empty(source_url, target_url)
        upgrade(target_url)
        return _transfer(source_url, target_url)


@contextmanager
def _whole_or_gone(target_url: str) -> Iterator[None]:
    """Delete the target's file again where the work fails, if it was not there before."""
    path = sqlite_path(target_url)
    made = path if path is not None and not path.exists() else None
    try:
        yield
    except BaseException as error:
        for suffix in ("-shm", "-wal", "-journal", ""):
            if made is not None:
                made.with_name(made.name + suffix).unlink(missing_ok=True)
        if disk_full(error):
            disk = "other database" if path is None else f"folder {path.absolute().parent}"
            raise TransferError(
                f"The disk of the {disk} is full. Nothing was copied, and the clinic is as it was. Please free space"
                " there, or name another place.",
                "disk_full",
            ) from error
        raise


def _transfer(source_url: str, target_url: str) -> dict[str, TableDigest]:
    source, target = make_engine(source_url), make_engine(target_url)
    try:
        with source.execution_options(**{READ_ONLY: True}).connect() as reading, target.begin() as writing:
            # Under the target's write lock nobody else can fill it any more.
            _refuse_filled(writing)
            writing.execute(delete(Installation))
            copied = {one.name: _copy(reading, writing, one) for one in Base.metadata.sorted_tables}
            _compare(writing, copied)
            return copied
    finally:
        source.dispose()
        target.dispose()


def _refuse_unless_empty(source_url: str, target_url: str) -> None:
    if parsed(source_url) == parsed(target_url):
        raise TransferError("A database can't be copied to itself.", "target_not_empty")
    revision = current(target_url)
    engine = make_engine(target_url)
    try:
        with engine.connect() as connection:
            if revision is None and inspect(connection).get_table_names():
                raise TransferError(
                    "The other database contains tables of another program. Please name an empty one.",
                    "target_not_empty",
                )
            if revision is not None:
                _refuse_filled(connection)
    finally:
        engine.dispose()


def _refuse_filled(connection: Connection) -> None:
    present = set(inspect(connection).get_table_names())
    # The installation's row comes with the first start: it alone fills no clinic.
    for one in (table for table in Base.metadata.sorted_tables if table is not Installation.__table__):
        if one.name in present and connection.scalar(select(func.count()).select_from(one)):
            raise TransferError(
                "The other database already contains a clinic. Please name an empty one; nothing was changed.",
                "target_not_empty",
            )


def _copy(reading: Connection, writing: Connection, one: Table) -> TableDigest:
    found = TableDigest()
    for rows in _parts(reading, one):
        writing.execute(insert(one), [dict(row._mapping) for row in rows])
        found = found.plus(rows)
    _go_on_numbering(writing, one)
    return found


def _compare(writing: Connection, copied: dict[str, TableDigest]) -> None:
    for one in Base.metadata.sorted_tables:
        found = TableDigest()
        for rows in _parts(writing, one):
            found = found.plus(rows)
        if found != copied[one.name]:
            raise TransferError(
                f"The copy of the table {one.name} differs from what was read. Nothing was kept. Please try again.",
                "transfer_incomplete",
            )


def _parts(connection: Connection, one: Table) -> Iterator[Sequence[Row[Any]]]:
    # A row that names another of its own table comes after it: what is named names none itself.
    named_last = [key.parent.is_not(None) for key in one.foreign_keys if key.column.table is one]
    rows = select(*map(_as_stored, one.columns)).order_by(*named_last)
    yield from connection.execute(rows, execution_options={"yield_per": ROWS_AT_ONCE}).partitions()


def _as_stored(column: Column[Any]) -> ColumnElement[Any]:
    """Return how a column is read: the text of an enum as it is, so that one unknown value doesn't stop a backup."""
    return type_coerce(column, String()).label(column.name) if isinstance(column.type, Enum) else column


def _go_on_numbering(writing: Connection, one: Table) -> None:
    """Let PostgreSQL number the next row after the highest that was copied; SQLite does so by itself."""
    numbered = one.autoincrement_column
    if writing.dialect.name != "postgresql" or numbered is None:
        return
    sequence = writing.scalar(select(func.pg_get_serial_sequence(one.name, numbered.name)))
    highest = writing.scalar(select(func.max(numbered)))
    if sequence is not None and highest is not None:
        writing.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})


def _row_hash(row: Row[Any]) -> int:
    canonical = json.dumps(dict(row._mapping), sort_keys=True, default=_as_text)
    return int.from_bytes(hashlib.sha256(canonical.encode()).digest(), "big")


def _as_text(value: object) -> str:
    """Return what JSON has no form for as text of its own. Raises TypeError for what no column here holds."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"no canonical form for {type(value).__name__}")
