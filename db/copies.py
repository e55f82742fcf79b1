"""Whole copies of a SQLite database: taken while others write, checked, and given their name only when sound."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from glob import escape
from pathlib import Path

from db.faults import of_rights
from db.room import disk_full
from db.sqlite import sqlite3
from db.urls import parsed
from fer_core.errors import FerError

BUSY_S = 30.0
LOCK = "copies.lock"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class CopyError(FerError):
    """A copy that could not be made, or is not sound; nothing half-written stays."""

    code = "copy_failed"


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for another kind of database. Raises FerError ``bad_database_url``."""
    parts = parsed(url)
    return Path(parts.database or "") if parts.get_backend_name() == "sqlite" else None


@contextmanager
def making_copies(folder: Path) -> Iterator[None]:
    """Say that copies of a database are made in a folder, so that nobody takes them for left ones; several may be."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def delete_copy(path: Path) -> None:
    """Delete a copy that belongs to nobody else, with its log and whatever else was written under its name."""
    for found in (path, *path.parent.glob(f"{escape(path.name)}[.-]*")):
        found.unlink(missing_ok=True)


def copy_whole(source: Path, target: Path) -> dict[str, int]:
    """Copy the database to `target`, replacing it, and return the number of rows of each table.

    The copy is what one moment of the source held, also while others write; one file, readable by this user alone.
    It gets its name when SQLite finds no damage in it and every row is there. Raises CopyError.
    """
    temporary = target.with_name(f"{target.name}.part")
    try:
        delete_copy(temporary)
        temporary.touch(mode=0o600, exist_ok=False)
        expected = _copy(source, temporary)
        if check(temporary) != expected:
            raise CopyError("Rows are missing in the copy. Nothing of it was kept. Please try another disk.")
        os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        if disk_full(error):
            raise _full("The copy can't be written there") from error
        full = CopyError("The copy can't be written there. Please check the folder and the space on the disk.")
        raise (of_rights(error) or full) from error
    finally:
        # Where the disk filled up, SQLite leaves its journal.
        delete_copy(temporary)
    return expected


def overwrite(live: Path, source: Path) -> None:
    """Replace the content of a database that others may have open by that of `source`, in one transaction.

    Raises CopyError where another program writes to it for half a minute, or ``disk_full``; it is then as it was.
    """
    try:
        with closing(_open(source, "ro")) as reading, closing(_open(live, "rwc")) as writing:
            reading.backup(writing, progress=_give_up_after(BUSY_S))
    except sqlite3.Error as error:
        if disk_full(error):
            raise _full("The database can't be replaced") from error
        raise CopyError("The database can't be replaced. Please check the disk, and run `doctor`.") from error


def check(path: Path) -> dict[str, int]:
    """Return the number of rows of each table. Raises CopyError where SQLite finds damage or a broken reference."""
    try:
        with closing(_open(path, "ro")) as connection:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise CopyError("This copy of the database is damaged.", "backup_damaged")
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise CopyError("This copy of the database has references to rows that are missing.", "backup_damaged")
            return _row_counts(connection)
    except sqlite3.Error as error:
        raise CopyError("This file is not a database of this program, or it is damaged.", "backup_damaged") from error


def safety_copies(live: Path) -> list[Path]:
    """Return the copies that were kept beside a database before a migration or a restore, half-written ones too."""
    return sorted(live.parent.glob(f"{escape(live.name)}.before-*"))


def _copy(source: Path, target: Path) -> dict[str, int]:
    try:
        with closing(_open(source, "rw")) as reading, closing(_open(target, "rw")) as writing:
            # The transaction holds one moment of the source, so that what is counted is what is copied.
            reading.execute("BEGIN")
            counts = _row_counts(reading)
            reading.backup(writing, progress=_give_up_after(BUSY_S))
            # One file without a log beside it, which a person may carry away or forget.
            writing.execute("PRAGMA journal_mode = DELETE").fetchall()
            return counts
    except sqlite3.Error as error:
        if disk_full(error):
            raise _full("The database can't be copied") from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise CopyError("The database can't be copied: it is damaged.", "backup_damaged") from error
        raise CopyError("The database can't be copied. Please check the disk, and run `doctor`.") from error


def _full(said: str) -> CopyError:
    return CopyError(f"{said}: the disk is full. Please free space on it, and try again.", "disk_full")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_S)
    connection.isolation_level = None
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    return connection


def _row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = [
        name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    ]
    quoted = {name: name.replace('"', '""') for name in names}
    return {name: connection.execute(f'SELECT count(*) FROM "{quoted[name]}"').fetchone()[0] for name in names}  # noqa: S608 the schema's own names, quoted


def _give_up_after(seconds: float) -> Callable[[int, int, int], None]:
    """Return a progress callback: Python's backup waits for ever on a database that another program holds."""
    until = time.monotonic() + seconds

    def progress(result: int, _remaining: int, _total: int) -> None:
        if result in _BUSY and time.monotonic() > until:
            raise CopyError("Another program is writing to the database. Please close it and try again.", "in_use")

    return progress


def sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
