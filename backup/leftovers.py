"""What a backup or a drill that was killed left: readable copies beside the database, and half-written backups.

A process that makes such a copy holds a lock, which ends with it: what nobody holds is deleted by the next backup.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backup import daily
from db.copies import LOCK, making_copies

SCRATCH, SNAPSHOT = "restore-check-", "snapshot-"
_COPY = re.compile(
    # A copy of a process, by its number, with all that is written under its name.
    r".+\.before-(backup|verify|restore|cleaned)-\d+([.-].*)?"
    # What a restore or a migration keeps, as long as it is half-written, and SQLite's journal of it.
    r"|.+\.before-[^.]+\.part([.-].*)?"
    rf"|{SNAPSHOT}[0-9a-f]{{8}}\.db.*|{SCRATCH}[0-9a-f]{{8}}"
)
_PART = r"(\.[0-9a-f]{8})?\.part"


@contextmanager
def copying(folder: Path) -> Iterator[None]:
    """Say that a copy of the clinic is made in a data folder; several may be. The first deletes what was left there."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if _free(lock):
            for path in _copies(folder):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        os.close(lock)
    with making_copies(folder):
        yield


def hold(part: int) -> None:
    """Say that an open half-written backup is being written; a disk that knows no locks is no reason to write none."""
    with suppress(OSError):
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)


def delete_parts(target: Path) -> None:
    """Delete half-written backups that nobody writes any more: the folder's dated ones, and those of `target`."""
    for path in parts(target.parent, target.name):
        path.unlink(missing_ok=True)


def parts(folder: Path, name: str = "") -> list[Path]:
    """Return the half-written backups of a folder that nobody writes any more: dated ones, and those of this name."""
    meant = re.compile(f"({daily.NAME.pattern}|{re.escape(name)}){_PART}")
    return [path for path in sorted(folder.glob("*.part")) if meant.fullmatch(path.name) and _abandoned(path)]


def copies(folder: Path) -> list[Path]:
    """Return the readable copies in a data folder that nobody makes any more. Writes nothing."""
    if (folder / LOCK).exists() and not _abandoned(folder / LOCK):
        return []
    return _copies(folder)


def _copies(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if _COPY.fullmatch(path.name))


def _abandoned(path: Path) -> bool:
    try:
        # Open for reading and writing, as an NFS server asks for it.
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _free(lock)
    finally:
        os.close(lock)


def _free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
