"""Each statement is compiled to SQL once in a process of tests, and not once for each test's database.

SQLAlchemy keeps what it compiled with the engine, and each test opens engines of its own: the same few hundred
statements were compiled thousands of times, which took 40 % of the time of tests that use a database.
"""

from sqlalchemy.engine.default import DefaultDialect

from db import connection

CACHE = {}
"""Compiled statements by dialect, statement and columns."""


def share_compiled_statements():
    """Let all engines of this process that `db.connection` makes have one cache of compiled statements."""
    # The key of the cache holds the dialect, of which each engine has its own: those of one kind compile alike.
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)
    DefaultDialect.__hash__ = lambda self: hash(type(self))
    make = connection.create_engine

    def create_engine(*args, **options):
        return make(*args, execution_options={"compiled_cache": CACHE}, **options)

    connection.create_engine = create_engine
