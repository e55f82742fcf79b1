"""Bring a database to the newest schema, or leave it as it was.

SQLite's batch migrations copy tables; with foreign keys on, dropping the old copy of a parent deletes all children
without an error. So foreign keys are off while a migration runs, and rows and references are checked before it commits.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.sql import quoted_name

MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 30.0


class MigrationError(RuntimeError):
    """A migration would have lost rows or left broken references; nothing of it was kept."""


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema in one transaction.

    A SQLite file that holds anything is copied to ``NAME.before-REVISION`` first. Raises MigrationError where a
    table would have lost rows or a reference would point nowhere; the database is then as it was.
    """
    engine = _plain_engine(url)
    try:
        with engine.connect() as connection:
            before = _revision(connection)
        head = ScriptDirectory.from_config(_config()).get_current_head()
        if before == head:
            return
        if before is not None and engine.dialect.name == "sqlite":
            _keep_copy(url, before)
        with engine.begin() as connection:
            counts = _row_counts(connection)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _check(connection, counts)
    finally:
        engine.dispose()


def current(url: str) -> str | None:
    """Return the revision that the database at `url` is at, None for an empty one."""
    engine = _plain_engine(url)
    try:
        with engine.connect() as connection:
            return _revision(connection)
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _plain_engine(url: str) -> Engine:
    """Return an engine for migrations alone: foreign keys off, and the write lock from the first statement on."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _set_up(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_TIMEOUT_S * 1000)}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = OFF")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _keep_copy(url: str, revision: str) -> None:
    """Copy a SQLite file beside itself by SQLite's own backup, which is whole even while others write."""
    path = make_url(url).database
    if not path or path == ":memory:":
        return
    kept = Path(f"{path}.before-{revision}")
    temporary = kept.with_name(kept.name + ".tmp")
    source, target = sqlite3.connect(path), sqlite3.connect(temporary)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    temporary.replace(kept)


def _row_counts(connection: Connection) -> dict[str, int]:
    quote = connection.dialect.identifier_preparer.quote
    return {
        name: int(connection.execute(text(f"SELECT count(*) FROM {quote(quoted_name(name, True))}")).scalar_one())  # noqa: S608 the name is the schema's own, and quoted
        for name in inspect(connection).get_table_names()
        if name != "alembic_version"
    }


def _check(connection: Connection, before: dict[str, int]) -> None:
    after = _row_counts(connection)
    lost = sorted(name for name, count in before.items() if after.get(name, 0) < count)
    if lost:
        raise MigrationError(f"rows would be lost in: {', '.join(lost)}")
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise MigrationError("a reference would point to a row that is not there")
