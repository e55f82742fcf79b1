"""Which characters a database can hold: all of them, or names are lost or refused."""

from __future__ import annotations

from sqlalchemy import Connection, func

from fer_core.errors import FerError

AS_UTF8 = {"client_encoding": "utf8"}
"""The option with which a PostgreSQL server talks to this program, whatever its databases hold.

Of a database of SQL_ASCII it would send bytes otherwise, which not even its version could be read from.
"""


def other_encoding(connection: Connection) -> FerError | None:
    """Return why a database can't hold every name, None where it can: SQLite always does."""
    if connection.dialect.name != "postgresql":
        return None
    encoding = connection.scalar(func.current_setting("server_encoding"))
    if encoding == "UTF8":
        return None
    return FerError(
        f"The database holds {encoding} and not UTF-8, so that many names can't be stored. Please make another with"
        " `createdb --encoding UTF8 --template template0` (docs/install.md); `copy --to` moves into it what is stored.",
        "database_encoding",
    )
