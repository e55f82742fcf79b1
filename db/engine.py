"""The database handle: one way to write, one way to read, and SQLite configured to lose nothing acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.connection import BUSY_TIMEOUT_MS, READ_ONLY, make_engine, set_busy_timeout
from db.copies import safety_copies, sqlite_path
from db.migrate import upgrade
from db.moment import Moment
from db.room import DiskFullError, disk_full
from db.sqlite import sqlite3

SAFE_SQLITE = (3, 51, 3)
"""The first release without the rare corruption at a WAL reset (sqlite.org, release log)."""

CHECKPOINT_WAIT_MS = 100
"""How long an erasure waits for readers of an older state; then the worker tries again later."""


class Database:
    """A database that is open. `session` writes, `read` reads; both give a `sqlalchemy.orm.Session`."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self._reading = self.engine.execution_options(**{READ_ONLY: True})
        self._moment = Moment(self._reading)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session whose transaction commits at the end, or is rolled back where an exception leaves it.

        It holds the only write lock from its start, so that what it read can't change under it.
        Raises DiskFullError where there is no room to write.
        """
        # A thread never holds two connections, and what it reads next sees what it wrote.
        self._moment.leave()
        try:
            with _fallback(), Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            self._moment.leave()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one moment of the database, hinders no writer, and commits nothing.

        Raises DiskFullError where even reading needs room, as SQLite's first connection does.
        """
        shared = self._moment.session()
        if shared is None:
            with _fallback(), Session(self._reading, expire_on_commit=False) as session:
                yield session
            return
        try:
            with _fallback():
                yield shared
        except (DBAPIError, DiskFullError):
            self._moment.leave()
            raise

    def moment(self) -> AbstractContextManager[None]:
        """Let all that this thread reads until the end be of one moment, which only its own write ends."""
        return self._moment.begin()

    def forget_deleted(self) -> bool:
        """Leave no byte of deleted rows: empty SQLite's write-ahead log; return whether none is left.

        The copies that were kept beside the file before a migration or a restore go too, for they hold those rows.
        A reader of an older moment holds the log back: nobody waits for it, and `being_removed` says so until a later
        call finds the log free.
        """
        path = sqlite_path(str(self.engine.url))
        if path is None:
            return True
        for copy in safety_copies(path):
            copy.unlink(missing_ok=True)
        remains = _remains(path)
        remains.touch(mode=0o600)
        if not self._empty_log():
            # Another deletion may have taken the mark away meanwhile, before these rows were deleted.
            remains.touch(mode=0o600)
            return False
        remains.unlink(missing_ok=True)
        return True

    def being_removed(self) -> bool:
        """Return whether bytes of deleted rows may be left in SQLite's write-ahead log."""
        path = sqlite_path(str(self.engine.url))
        return path is not None and _remains(path).exists()

    def _empty_log(self) -> bool:
        self._moment.leave()
        # A checkpoint runs outside any transaction, so not on a connection that SQLAlchemy has begun one on.
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            # The checkpoint holds the write lock while it waits for readers: all other writers would wait too.
            set_busy_timeout(cursor, CHECKPOINT_WAIT_MS)
            try:
                busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                set_busy_timeout(cursor, BUSY_TIMEOUT_MS)
            return bool(busy == 0)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return False
            raise
        finally:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _remains(database: Path) -> Path:
    """Return the mark that bytes of deleted rows may be left."""
    return database.with_name(f"{database.name}.removing")


@contextmanager
def _fallback() -> Iterator[None]:
    """Turn errors of a full disk into DiskFullError; other errors pass."""
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
        f"SQLite {sqlite3.sqlite_version} has a rare fault that {wanted} fixed: keep the data on a local disk, never"
        " on a network drive, and back it up."
    )
