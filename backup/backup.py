"""Backups of a SQLite database: made while it is in use, and restored even if the database is damaged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from backup import leftovers
from backup.erasures import Erasure, apply
from db.copies import CopyError, check, copy_whole, delete_copy, overwrite, sync_folder
from db.migrate import knows
from db.sqlite import sqlite3
from fer_core.errors import FerError


def backup(database: Path, copy: Path) -> dict[str, int]:
    """Copy a database to a new file and return the rows of each table; writers may go on meanwhile.

    The copy stands under its name only when it is whole and was checked.
    Raises FerError ``no_database``, ``backup_exists``, ``backup_damaged``, ``copy_failed``, ``in_use``.
    """
    if not database.is_file():
        raise FerError("There is no database to copy.", "no_database")
    if copy.exists():
        raise FerError("A file with this name already exists; nothing was overwritten.", "backup_exists")
    return copy_whole(database, copy)


def place_beside(database: Path) -> Path:
    """Return a new name beside a database for what a restore replaces: ``NAME.before-restore-TIME``."""
    first = f"{database.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (first, *(f"{first}-{number}" for number in range(2, 1000)))
    return next(path for name in names if not (path := database.with_name(name)).exists())


def restore(copy: Path, database: Path, erased: Sequence[Erasure] = (), kept: Path | None = None) -> dict[str, int]:
    """Put a backup in the place of a database, and return the rows of each table.

    What `erased` names is erased from it first. A program that has the database open sees the backup from its next
    transaction on. What was there is kept as `kept`, by default at `place_beside` it, until something is erased.

    Raises FerError ``no_database``, ``backup_damaged``, ``copy_failed``, ``in_use``, or ``backup_newer`` for one that a
    newer version of this program wrote; the database is then as it was.
    """
    if not copy.is_file():
        raise FerError("There is no such backup.", "no_database")
    refuse_newer(copy)
    check(copy)
    database.absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    cleaned = database.with_name(f"{database.name}.before-cleaned-{os.getpid()}")
    with leftovers.copying(database.absolute().parent):
        try:
            copy_whole(copy, cleaned)
            apply(cleaned, erased)
            counts = check(cleaned)
            _replace(database, cleaned, kept or place_beside(database))
        finally:
            delete_copy(cleaned)
    return counts


def refuse_newer(copy: Path) -> None:
    """Raise FerError ``backup_newer`` for a copy of a database that a newer version of this program wrote."""
    if not knows(_revision(copy)):
        raise FerError("This backup was made by a newer version of the program. Please update first.", "backup_newer")


def not_a_backup() -> FerError:
    """Return the refusal of a file that is something else, or was cut off."""
    return FerError(
        "The file is not a backup of this program, or it is cut off. Please copy it again from where it was kept, or"
        " name another one.",
        "backup_damaged",
    )


def _replace(database: Path, copy: Path, kept: Path) -> None:
    """Put a whole, checked copy in the place of a database on its disk; where that fails, nothing is left of it."""
    if not database.exists():
        # A log without its database would be read into the one that comes.
        _move_away(database, kept)
        _put(copy, database)
        return
    try:
        copy_whole(database, kept)
    except CopyError as error:
        if error.code != "backup_damaged":
            raise
        # A damaged database can't be written to: it is moved away with its log, as it is.
        _move_away(database, kept)
        _put(copy, database)
        return
    try:
        overwrite(database, copy)
    except BaseException:
        # The database is as it was: what was kept of it is a second copy, and takes the room of the next attempt.
        kept.unlink(missing_ok=True)
        raise


def _put(copy: Path, database: Path) -> None:
    os.replace(copy, database)
    sync_folder(database.absolute().parent)


def _move_away(database: Path, kept: Path) -> None:
    for suffix in ("-shm", "-wal", "-journal", ""):
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.replace(kept.with_name(kept.name + suffix))


def _revision(path: Path) -> str:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        raise not_a_backup() from None
