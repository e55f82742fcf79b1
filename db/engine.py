"""The database handle: one way to write, one way to read, and SQLite set up so that nothing acknowledged is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.connection import READ_ONLY, make_engine
from db.copies import safety_copies, sqlite_path
from db.migrate import upgrade
from db.room import DiskFullError, disk_full

SAFE_SQLITE = (3, 51, 3)
"""The first release without the rare corruption at a WAL reset (sqlite.org, release log)."""


class Database:
    """A database that is open. `session` writes, `read` reads; both give a `sqlalchemy.orm.Session`."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self._reading = self.engine.execution_options(**{READ_ONLY: True})

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session whose transaction commits at the end, or is rolled back where an exception leaves it.

        It holds the only write lock from its start, so that what it read can't change under it.
        Raises DiskFullError where there is no room to write.
        """
        with _fallback(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one moment of the database, hinders no writer, and commits nothing.

        Raises DiskFullError where even reading needs room, as SQLite's first connection does.
        """
        with _fallback(), Session(self._reading, expire_on_commit=False) as session:
            yield session

    def forget_deleted(self) -> None:
        """Leave no byte of deleted rows: empty SQLite's write-ahead log, where they lie until the next checkpoint.

        The copies that were kept beside the file before a migration or a restore go too, for they hold those rows.
        Readers of an older moment hold the log back; it is then emptied at the next call after they ended.
        """
        if self.engine.dialect.name != "sqlite":
            return
        path = sqlite_path(str(self.engine.url))
        for copy in safety_copies(path) if path is not None else ():
            copy.unlink(missing_ok=True)
        # A checkpoint runs outside any transaction, so not on a connection that SQLAlchemy has begun one on.
        connection = self.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _fallback() -> Iterator[None]:
    """Tell want of room from other errors of the database. Raises DiskFullError."""
    try:
        yield
    except DBAPIError as error:
        if disk_full(error):
            raise DiskFullError from error
        raise


def open_database(url: str) -> Database:
    """Return a handle to the database at a SQLAlchemy URL; it connects at first use."""
    return Database(url)


def migrate(url: str) -> None:
    """Bring the database at `url` to this version's tables; see `db.migrate.upgrade`."""
    upgrade(url)


def sqlite_warning() -> str | None:
    """Return a sentence for the administrator where this Python's SQLite is older than `SAFE_SQLITE`."""
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return None
    wanted = ".".join(map(str, SAFE_SQLITE))
    return (
        f"SQLite {sqlite3.sqlite_version} has a rare fault that {wanted} mended: keep the data on a local disk, never"
        " on a network drive, and back it up."
    )
