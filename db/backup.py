"""Copies of a SQLite database that are whole, made while it is written to, and checked before they count."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from db.migrate import head
from fer_core.errors import FerError


def backup(database: Path, copy: Path) -> dict[str, int]:
    """Copy a database to a new file and return the rows of each table; writers may go on meanwhile.

    The copy stands under its name only when it is whole and its integrity was checked.
    Raises FerError ``no_database``, ``backup_exists``, ``backup_damaged``.
    """
    if not database.is_file():
        raise FerError("There is no database to copy.", "no_database")
    if copy.exists():
        raise FerError("A file of this name is there already; nothing was overwritten.", "backup_exists")
    return _copy(database, copy)


def restore(copy: Path, database: Path) -> dict[str, int]:
    """Put a backup in the place of a database, and return the rows of each table. Nobody may be using it.

    The database that was there is kept beside it as ``NAME.replaced``. Raises FerError ``no_database``,
    ``backup_damaged``, or ``backup_newer`` for one that a newer version of this program wrote.
    """
    if not copy.is_file():
        raise FerError("There is no such backup.", "no_database")
    if _revision(copy) > (head() or ""):
        raise FerError("This backup was made by a newer version of the program; please update first.", "backup_newer")
    arriving = database.with_name(database.name + ".arriving")
    arriving.unlink(missing_ok=True)
    counts = _copy(copy, arriving)
    if database.exists():
        # The log's rows belong to the old database: they have to be in its file before that moves away.
        with closing(sqlite3.connect(database)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.replace(database.with_name(database.name + ".replaced"))
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    arriving.replace(database)
    return counts


def _copy(source: Path, target: Path) -> dict[str, int]:
    temporary = target.with_name(target.name + ".part")
    temporary.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(temporary)) as writing:
            reading.backup(writing, pages=1024, sleep=0.005)
            [verdict] = writing.execute("PRAGMA integrity_check").fetchone()
            if verdict != "ok":
                raise FerError("The copy is damaged and was not kept.", "backup_damaged")
            counts = _rows(writing)
            # One file: a copy must not need a log beside it.
            writing.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError:
        temporary.unlink(missing_ok=True)
        raise FerError("The file is no database or is damaged; nothing was changed.", "backup_damaged") from None
    except FerError:
        temporary.unlink(missing_ok=True)
        raise
    temporary.chmod(0o600)
    temporary.replace(target)
    return counts


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 the schema's own names
        for (name,) in names.fetchall()
        if name != "alembic_version"
    }


def _revision(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        raise FerError("The file is no backup of this program.", "backup_damaged") from None
