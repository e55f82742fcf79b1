"""Errors of a database or a disk as sentences that say what to do: for consoles and for `doctor`."""

from __future__ import annotations

import errno
import os
from getpass import GetPassWarning

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from db.account import account_name
from db.room import DiskFullError, disk_full
from db.sqlite import sqlite3
from db.urls import bad_url
from fer_core.errors import FerError

_SQLITE = {
    sqlite3.SQLITE_CANTOPEN: (
        "database_unreachable",
        "The database's file can't be opened. Please check its folder (FER_DATA_DIR, FER_DATABASE_URL) and the rights"
        " on it; under systemd, a folder outside /var/lib needs a line ReadWritePaths= in the units.",
    ),
    sqlite3.SQLITE_READONLY: (
        "database_read_only",
        "The database can't be written to. Please check who owns its file and folder; under systemd, a folder outside"
        " /var/lib needs a line ReadWritePaths= in the units.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "database_damaged",
        "The database's file is damaged, or it is another file. Please restore a backup.",
    ),
    sqlite3.SQLITE_CORRUPT: ("database_damaged", "The database is damaged. Please restore a backup."),
    sqlite3.SQLITE_IOERR: (
        "database_disk",
        "The disk of the database gives an error. Please check that it is not full, and that it is well.",
    ),
    sqlite3.SQLITE_BUSY: ("database_busy", "Another program locks the database. Please try again in a minute."),
}
_POSTGRESQL = (
    (
        ("28P01", "28000", "password authentication failed", "no password supplied", "authentication failed", "pg_hba"),
        "database_password",
        "The database server refuses this user or password. Please check both in FER_DATABASE_URL; the password may"
        " be in ~/.pgpass of this account.",
    ),
    (
        ("3D000", "does not exist"),
        "no_database",
        "The server has no such database or user. Please make them (`createuser`, `createdb`; docs/install.md), or"
        " check FER_DATABASE_URL.",
    ),
    (
        ("42501", "permission denied"),
        "database_rights",
        "The user may not write to this database. Please make it the database's owner.",
    ),
    (
        ("22P05", "has no equivalent in encoding"),
        "no_text",
        "The database can't hold one of these characters, since it is not of UTF-8: `doctor` says what to do.",
    ),
    (("25006", "read-only transaction"), "database_read_only", "The database server is a read-only copy (a standby)."),
    (
        ("53300", "57P03", "too many", "starting up", "shutting down"),
        "database_unreachable",
        "The database server is starting, stopping, or has too many connections. Please try again in a minute.",
    ),
    (
        ("name or service", "could not translate", "failed to resolve", "getaddrinfo"),
        "database_unreachable",
        "The host of the database is not known. Please check FER_DATABASE_URL; @ and / in its password are written %40"
        " and %2F.",
    ),
)


def explained(error: BaseException) -> FerError | None:
    """Return the error as a sentence for a person, None for an unexpected error of the program itself."""
    if isinstance(error, FerError):
        return error
    if disk_full(error):
        return DiskFullError()
    if isinstance(error, (ArgumentError, NoSuchModuleError)):
        return bad_url()
    if isinstance(error, ModuleNotFoundError):
        return _of_package(error.name or "")
    if isinstance(error, DBAPIError):
        return _of_database(error.orig)
    if isinstance(error, sqlite3.Error):
        return _of_database(error)
    if isinstance(error, (EOFError, GetPassWarning)):
        return FerError(
            "A passphrase can't be asked for here. Please give it with --passphrase-file or --key-file.",
            "nobody_to_ask",
        )
    if isinstance(error, UnicodeEncodeError):
        return FerError("A name contains bytes that are not text (UTF-8). Please check how it is written.", "no_text")
    if isinstance(error, OSError):
        return _of_file(error)
    return None


def _of_package(name: str) -> FerError:
    if name in ("distributed", "dask"):
        return FerError("A cluster needs: pip install -r requirements-cluster.txt", "no_package")
    if name in ("psycopg2", "MySQLdb", "oracledb", "pyodbc"):
        return bad_url()
    return FerError(f"The package {name} is not installed. Please install the requirements again.", "no_package")


def _of_database(error: BaseException | None) -> FerError:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        name, sentence = _SQLITE.get(code, ("database", "The database gives an error. Please run `doctor`."))
        return FerError(sentence, name)
    text = f"{getattr(error, 'sqlstate', None) or ''} {error}".casefold()
    for signs, name, sentence in _POSTGRESQL:
        if any(sign.casefold() in text for sign in signs):
            return FerError(sentence, name)
    return FerError(
        "The database server can't be reached. Please check that it runs, and host and port in FER_DATABASE_URL.",
        "database_unreachable",
    )


def of_rights(error: OSError) -> FerError | None:
    """Return the error as a sentence where a right or the disk's mount forbids it, else None.

    It names the account: root, which starts a command that runs as another, is never refused a file itself.
    """
    if error.errno in (errno.EACCES, errno.EPERM):
        sentence = (
            f"A file or folder is closed to the account {account_name(os.geteuid())}, as which this runs"
            f" ({os.strerror(error.errno)}): {error.filename or 'no name is known'}."
        )
        return FerError(sentence, "file_error")
    if error.errno == errno.EROFS:
        sentence = (
            f"This folder or disk can only be read: {error.filename or 'no name is known'}. Please make it writable;"
            " under systemd, a folder outside /var/lib needs a line ReadWritePaths= in the units."
        )
        return FerError(sentence, "read_only_folder")
    return None


def _of_file(error: OSError) -> FerError:
    if (denied := of_rights(error)) is not None:
        return denied
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return FerError(f"A file or folder can't be used ({reason}): {error.filename or 'no name is known'}.", "file_error")
