"""A check of a database that writes nothing: does it answer, which tables does it have, would it accept a row?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, inspect
from sqlalchemy.exc import DBAPIError

from db.copies import sqlite_path
from db.encoding import AS_UTF8, other_encoding
from db.faults import explained
from db.migrate import head, knows, other_program
from db.sqlite import sqlite3
from fer_core.errors import FerError

CONNECT_WITHIN_S = 5
_NO_CHANGE = "UPDATE installation SET id = id WHERE 1 = 0"
_OF_INSTALLATION = {"key_id": "SELECT key_id FROM installation", "clinic_id": "SELECT clinic_id FROM installation"}
_PEOPLE = {"account": "SELECT id FROM account LIMIT 1", "patient": "SELECT id FROM patient LIMIT 1"}


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. `revision`: None for a database without tables. `newer`: of a later version of the program.

    `key_id`: the recorded fingerprint of the master key. `clinic_id`: the clinic's own id. `begun`: whether a
    clinic is in it. `refusal`: why it would take no row, None where it would.
    """

    server: str
    revision: str | None
    newer: bool
    key_id: str | None
    clinic_id: str | None
    begun: bool
    refusal: FerError | None

    @property
    def current(self) -> bool:
        """Whether the tables are those of this version."""
        return self.revision == head()


def probe(url: str) -> Probe:
    """Look at the database of a URL. Raises FerError with what to do where it can't be reached."""
    try:
        path = sqlite_path(url)
        if path is not None and not path.exists():
            raise FerError("`migrate`, or the program's first start, makes it.", "no_tables")
        with reading(url) as connection:
            names = set(inspect(connection).get_table_names())
            revision = _first(connection, "SELECT version_num FROM alembic_version" if names else None)
            if names and revision is None:
                raise other_program()
            return Probe(
                server=_server(connection),
                revision=revision,
                newer=revision is not None and not knows(revision),
                key_id=_of_installation(connection, names, "key_id"),
                clinic_id=_of_installation(connection, names, "clinic_id"),
                begun=_begun(connection, names),
                refusal=other_encoding(connection) or _refusal(connection, path, names),
            )
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        raise known from None


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Open a database for reading alone, and leave nothing beside its file. Raises what SQLAlchemy raises."""
    path = sqlite_path(url)
    if path is not None:
        # A reader of a database that nobody has open would leave a log beside it, of this account.
        alone = not path.with_name(f"{path.name}-wal").exists()
        place = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
        engine = create_engine(
            url,
            module=sqlite3,
            creator=lambda: sqlite3.connect(place, uri=True),
            poolclass=NullPool,
            hide_parameters=True,
        )
    else:
        within = {"connect_timeout": CONNECT_WITHIN_S}
        engine = create_engine(url, connect_args=within | AS_UTF8, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        yield connection


def _server(connection: Connection) -> str:
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    return f"{'SQLite' if connection.dialect.name == 'sqlite' else 'PostgreSQL'} {version}"


def _first(connection: Connection, statement: str | None) -> str | None:
    if statement is None:
        return None
    try:
        found = connection.exec_driver_sql(statement).first()
    except DBAPIError as error:
        connection.rollback()
        known = explained(error)
        if known is not None and known.code in ("database_damaged", "database_rights"):
            raise known from None
        return None
    return str(found[0]) if found is not None and found[0] is not None else None


def _begun(connection: Connection, names: set[str]) -> bool:
    if _of_installation(connection, names, "key_id") is not None:
        return True
    return any(_first(connection, statement) is not None for table, statement in _PEOPLE.items() if table in names)


def _of_installation(connection: Connection, names: set[str], column: str) -> str | None:
    if "installation" not in names:
        return None
    columns = {column["name"] for column in inspect(connection).get_columns("installation")}
    return _first(connection, _OF_INSTALLATION[column] if column in columns else None)


def _refusal(connection: Connection, path: Path | None, names: set[str]) -> FerError | None:
    """Return why a row would not be taken: asked in a transaction that is rolled back, of a statement for no row."""
    if "installation" not in names:
        return None
    try:
        if path is not None:
            if path.stat().st_uid == os.geteuid():
                _begin_to_write(path)
        else:
            connection.rollback()
            connection.exec_driver_sql(_NO_CHANGE)
    except (DBAPIError, sqlite3.Error) as error:
        found = explained(error)
        return None if found is None or found.code == "database_busy" else found
    finally:
        connection.rollback()
    return None


def _begin_to_write(path: Path) -> None:
    place = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(place, uri=True, timeout=1.0, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        writing.execute(_NO_CHANGE)
        writing.execute("ROLLBACK")
