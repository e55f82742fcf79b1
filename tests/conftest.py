"""Databases of both kinds: a test that asks for `database_url` runs on SQLite and on PostgreSQL."""

import itertools

import pytest
from sqlalchemy import create_engine, text

from benchmarks import postgresql

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server():
    """A running PostgreSQL server, or a skip with the reason why there is none."""
    reason = postgresql.why_not()
    if reason:
        pytest.skip(reason)
    with postgresql.server(postgresql.CARELESS) as folder:
        yield folder


@pytest.fixture
def postgresql_url(postgresql_server):
    """The URL of an empty PostgreSQL database, which is dropped after the test."""
    name = f"test_{next(_numbers)}"
    maintenance = create_engine(postgresql.url_of(postgresql_server, "postgres"), isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield postgresql.url_of(postgresql_server, name)
    with maintenance.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    maintenance.dispose()


@pytest.fixture
def sqlite_url(tmp_path):
    """The URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'clinic.db'}"


def pytest_generate_tests(metafunc):
    """Run what reads or writes a database on both kinds; a test that needs the clinic's settings alone runs once."""
    asked = metafunc.fixturenames
    told = any(mark.args[0] == "database_url" for mark in metafunc.definition.iter_markers("parametrize"))
    if "database_url" in asked and not told:
        kinds = ["sqlite"] if "settings" in asked and "db" not in asked else ["sqlite", "postgresql"]
        metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture
def database_url(request):
    """The URL of an empty database of the kind that the test's parameter says."""
    return request.getfixturevalue(f"{request.param}_url")
