"""The database handle: one way to write, one way to read, and SQLite set up so that nothing acknowledged is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

from db.migrate import upgrade

BUSY_TIMEOUT_MS = 30_000
SAFE_SQLITE = (3, 51, 3)
"""The first release without the rare corruption at a WAL reset (sqlite.org, release log)."""

_READ_ONLY = "fer_read_only"


class Database:
    """A database that is open. `session` writes, `read` reads; both give a `sqlalchemy.orm.Session`."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self._reading = self.engine.execution_options(**{_READ_ONLY: True})

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session whose transaction commits at the end, or is rolled back where an exception leaves it.

        On SQLite it holds the only write lock from its start, so that what it read can't change under it.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one moment of the database, hinders no writer, and commits nothing."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    def forget_deleted(self) -> None:
        """Empty SQLite's write-ahead log, where deleted rows would lie until the next checkpoint.

        Readers of an older moment hold the log back; it is then emptied at the next call after they ended.
        """
        if self.engine.dialect.name != "sqlite":
            return
        # A checkpoint runs outside any transaction, so not on a connection that SQLAlchemy has begun one on.
        connection = self.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Return a handle to the database at a SQLAlchemy URL; it connects at first use."""
    return Database(url)


def migrate(url: str) -> None:
    """Bring the database at `url` to this version's tables; see `db.migrate.upgrade`."""
    upgrade(url)


def make_engine(url: str) -> Engine:
    """Return an engine; for SQLite with the PRAGMAs and transactions that this program relies on."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def sqlite_warning() -> str | None:
    """Return a sentence for the administrator where this Python's SQLite is older than `SAFE_SQLITE`."""
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return None
    wanted = ".".join(map(str, SAFE_SQLITE))
    return (
        f"SQLite {sqlite3.sqlite_version} has a rare fault that {wanted} mended: keep the data on a local disk, never"
        " on a network drive, and back it up."
    )


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes too late and is deferred: 298 of 360 updates were lost. `_begin_sqlite` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # Without it DELETE leaves the bytes of what was deleted in the file.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
