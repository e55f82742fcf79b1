"""SQLite's driver: the wheel `pysqlite3` brings a newer SQLite than most Pythons carry; without it, Python's own.

Nothing else of the program imports `sqlite3`: two copies of SQLite in one process drop each other's locks on a file
(https://sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        import pysqlite3.dbapi2 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["sqlite3"]
