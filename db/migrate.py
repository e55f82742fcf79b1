"""Bring a database to the newest schema, or leave it as it was.

SQLite's batch migrations copy tables; with foreign keys on, dropping the old copy of a parent deletes all children
without an error. So foreign keys are off while a migration runs, and rows and references are checked before it commits.

A migration that removes rows on purpose names the tables: ``REMOVES_ROWS_OF = ("name", ...)`` in its module.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.sql import quoted_name

from db.connection import make_engine
from db.copies import copy_whole, making_copies, sqlite_path
from db.encoding import other_encoding
from fer_core.errors import FerError

MIGRATIONS = Path(__file__).parent / "migrations"

_one_at_a_time = threading.Lock()
"""Alembic keeps its context in module globals: two threads that migrate two databases would mix them up."""


class MigrationError(FerError):
    """A database that can't be upgraded to this version's tables; nothing of the attempt was kept."""

    code = "migration_refused"


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema in one transaction.

    A SQLite file that holds anything is copied to ``NAME.before-REVISION`` first. Raises MigrationError where a
    table would have lost rows, a reference would point nowhere, or the database comes from a newer version of the
    program, and FerError ``other_program``, ``database_encoding``; the database is then as it was.
    """
    path = sqlite_path(url)
    if path is not None:
        path.touch(mode=0o600)
    engine = make_engine(url, foreign_keys=False)
    try:
        with engine.begin() as connection:
            before, filled = _revision(connection), bool(inspect(connection).get_table_names())
            encoding = other_encoding(connection)
        if before == head():
            return
        _refuse_unknown(before)
        if before is None and filled:
            raise other_program()
        # One that has a clinic in it goes on, and `doctor` says what it can't hold.
        if before is None and encoding is not None:
            raise encoding
        if before is not None and path is not None:
            with making_copies(path.absolute().parent):
                copy_whole(path, path.with_name(f"{path.name}.before-{before}"))
        with _one_at_a_time, engine.begin() as connection:
            _upgrade(connection)
    finally:
        engine.dispose()


def other_program() -> FerError:
    """Return the refusal of a database that holds tables and was never this program's."""
    return FerError("The database contains tables of another program. Please name another.", "other_program")


def current(url: str) -> str | None:
    """Return the revision that the database at `url` is at, None for an empty or missing one."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return None
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return _revision(connection)
    finally:
        engine.dispose()


def head() -> str | None:
    """Return the revision of this version's tables."""
    return _script().get_current_head()


def knows(revision: str) -> bool:
    """Return whether a revision is one of this version's, and not of a newer one."""
    try:
        return _script().get_revision(revision) is not None
    except CommandError:
        return False


def _upgrade(connection: Connection) -> None:
    # Another process may have been here since: what counts is the revision under the write lock.
    before = _revision(connection)
    counts = _row_counts(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _check(connection, counts, _declared(before))


def _refuse_unknown(revision: str | None) -> None:
    if revision is not None and not knows(revision):
        raise MigrationError(
            "This database was written by a newer version of the program. Please start that version.", "newer_database"
        )


def _declared(before: str | None) -> set[str]:
    """Return the tables whose rows the migrations after `before` say that they remove."""
    steps = _script().iterate_revisions("head", before or "base")
    return {name for step in steps for name in getattr(step.module, "REMOVES_ROWS_OF", ())}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _script() -> ScriptDirectory:
    return _script_in(MIGRATIONS)


@cache
def _script_in(_folder: Path) -> ScriptDirectory:
    # All migrations are loaded: once a process, for they don't change while it runs.
    return ScriptDirectory.from_config(_config())


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _row_counts(connection: Connection) -> dict[str, int]:
    quote = connection.dialect.identifier_preparer.quote
    return {
        name: int(connection.execute(text(f"SELECT count(*) FROM {quote(quoted_name(name, True))}")).scalar_one())  # noqa: S608 the name is the schema's own, and quoted
        for name in inspect(connection).get_table_names()
        if name != "alembic_version"
    }


def _check(connection: Connection, before: dict[str, int], declared: set[str]) -> None:
    after = _row_counts(connection)
    lost = sorted(name for name, count in before.items() if after.get(name, 0) < count and name not in declared)
    if lost:
        raise MigrationError(f"The new version was not set up: rows would be lost in {', '.join(lost)}.")
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise MigrationError("The new version was not set up: a reference would point to a missing row.")
