"""Connections with the guarantees that this program needs: one writer at a time, readers that block nobody.

A clinic starts with SQLite; PostgreSQL gives the same guarantees for several machines.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text

from db.encoding import AS_UTF8
from db.sqlite import sqlite3
from db.urls import parsed

BUSY_TIMEOUT_MS = 30_000
MORE_AT_ONCE = 35
"""Connections beyond the five that stay open: a page that is drawn keeps one, and 30 may be drawn at once."""
READ_ONLY = "fer_read_only"
"""The execution option of an engine that reads and never writes."""

_PROGRAM = "expression-history"
_PROCESS = f"{_PROGRAM} {secrets.token_hex(4)}"
"""The name under which PostgreSQL lists the connections of this process."""
_WRITE_LOCK = 0x464552
"""The number of PostgreSQL's advisory lock that all writers share; any number that nobody else takes."""


_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE :program AND application_name <> :own"
)


def make_engine(url: str, foreign_keys: bool = True) -> Engine:
    """Return an engine that keeps this module's promises; it connects at first use.

    `foreign_keys` False is for migrations on SQLite alone. Raises FerError ``bad_database_url``.
    """
    # A server that was restarted has closed the pool's connections: each is tested before it is used.
    # An error's text may be logged, so that the values of its statement, names for one, stay out of it.
    own: dict[str, Any] = {"module": sqlite3} if url.startswith("sqlite") else {"pool_pre_ping": True}
    if url.startswith("postgresql"):
        own["connect_args"] = {"application_name": _PROCESS, **AS_UTF8}
    engine = create_engine(parsed(url), hide_parameters=True, max_overflow=MORE_AT_ONCE, **own)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            _set_up_sqlite(connection, foreign_keys)

        event.listen(engine, "begin", _begin_sqlite)
    if engine.dialect.name == "postgresql":

        @event.listens_for(engine, "connect")
        def _connected_there(connection: Any, _record: Any) -> None:
            _set_up_postgresql(connection)

        event.listen(engine, "begin", _begin_postgresql)
    return engine


def connections_of_others(url: str) -> int:
    """Return how many connections other processes of this program have to a PostgreSQL database; 0 for SQLite."""
    engine = make_engine(url)
    try:
        if engine.dialect.name != "postgresql":
            return 0
        with engine.connect() as connection:
            return int(connection.scalar(text(_OTHERS), {"program": f"{_PROGRAM} %", "own": _PROCESS}) or 0)
    finally:
        engine.dispose()


def _set_up_sqlite(connection: Any, foreign_keys: bool) -> None:
    # The driver's own BEGIN comes too late and is deferred: 298 of 360 updates were lost. `_begin_sqlite` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    set_busy_timeout(cursor, BUSY_TIMEOUT_MS)
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
    # Without it DELETE, and a migration that copies a table, leave the bytes of what was deleted in the file.
    cursor.execute("PRAGMA secure_delete = ON")
    # A large sort would otherwise write names to a file in the system's temporary folder.
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def set_busy_timeout(cursor: Any, wait_ms: int) -> None:
    """Say how long a statement of this SQLite connection waits for the locks of others."""
    cursor.execute(f"PRAGMA busy_timeout = {wait_ms:d}")


def _set_up_postgresql(connection: Any) -> None:
    """Set the date format that this program reads, whatever the server's or database's default."""
    with connection.cursor() as cursor:
        cursor.execute("SET datestyle = 'ISO, YMD'")
        cursor.execute("SET timezone = 'UTC'")
    connection.commit()


def _use_wal(cursor: Any) -> None:
    """Switch to the write-ahead log; where two programs start at once, SQLite refuses one of them without waiting."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if _reads_only(connection) else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if _reads_only(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return
    # READ COMMITTED alone loses updates as a deferred BEGIN does; with this lock a writer reads what it will change.
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")


def _reads_only(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(READ_ONLY, False))
