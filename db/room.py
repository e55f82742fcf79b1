"""No room on the disk: recognised among other errors, whichever part of the program meets it."""

from __future__ import annotations

import errno

from sqlalchemy.exc import DBAPIError

from db.sqlite import sqlite3
from fer_core.errors import FerError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_POSTGRESQL_DISK_FULL = "53100"
_SQLITE_FULL = "database or disk is full"


class DiskFullError(FerError):
    """What was to be written has no room; nothing of it was written, and what was stored before is whole."""

    code = "disk_full"

    def __init__(self, so: str = "") -> None:
        """`so`: a sentence on what this means for what was to be done."""
        self.so = so
        super().__init__(
            "The disk of this installation is full. Nothing was lost, but nothing more can be saved, so no patient can"
            f" be opened. Please tell the person who looks after this computer. {so}".rstrip()
        )


def disk_full(error: BaseException | None) -> bool:
    """Return whether an error says that the disk is full, or was raised from one that does."""
    while error is not None:
        if isinstance(error, DiskFullError) or _says_so(error):
            return True
        error = error.__cause__ or (error.orig if isinstance(error, DBAPIError) else None)
    return False


def _says_so(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        # Python's backup of a database raises SQLite's sentence without its code.
        code = getattr(error, "sqlite_errorcode", None)
        return str(error) == _SQLITE_FULL if code is None else code & 0xFF == sqlite3.SQLITE_FULL
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return getattr(error, "sqlstate", None) == _POSTGRESQL_DISK_FULL
