"""The address of a database, read in one place."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fer_core.errors import FerError

BAD_URL = (
    "The address of the database can't be used. Write it as sqlite:////FOLDER/clinic.db, or"
    " postgresql+psycopg://USER:PASSWORD@HOST/DATABASE (FER_DATABASE_URL)."
)
DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")


def parsed(url: str) -> URL:
    """Return the parts of an address.

    Raises FerError ``bad_database_url`` for what is no address, for another driver, and for a SQLite database in
    memory, which goes with the program.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise bad_url() from None
    in_memory = found.get_backend_name() == "sqlite" and found.database in (None, "", ":memory:")
    if found.drivername not in DRIVERS or in_memory:
        raise bad_url()
    return found


def bad_url() -> FerError:
    """Return the refusal of an address."""
    return FerError(BAD_URL, "bad_database_url")
