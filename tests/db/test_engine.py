"""Nothing acknowledged is lost, whoever writes at the same time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db.engine import SAFE_SQLITE, open_database, sqlite_warning
from db.models import Patient, Recording
from db.sqlite import sqlite3

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(at_head, database_url):
    return database_url


@pytest.fixture
def db(url):
    database = open_database(url)
    yield database
    database.close()


def test_writers_at_the_same_time_lose_no_update(url, db):
    with db.session() as session:
        session.add(Patient(id="p", name="0", created_at=datetime.now(UTC)))

    def count_up(_):
        own = open_database(url)
        for _ in range(15):
            with own.session() as session:
                patient = session.get_one(Patient, "p")
                patient.name = str(int(patient.name) + 1)
        own.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(8)))
    with db.read() as session:
        assert session.get_one(Patient, "p").name == "120"


COUNT_UP = """
import sys
from db.engine import open_database
from db.models import Patient
from db.sqlite import sqlite3
own = open_database(sys.argv[1])
for _ in range(25):
    with own.session() as session:
        patient = session.get_one(Patient, "p")
        patient.name = str(int(patient.name) + 1)
"""


def test_processes_at_the_same_time_lose_no_update(url, db):
    with db.session() as session:
        session.add(Patient(id="p", name="0", created_at=datetime.now(UTC)))
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([sys.executable, "-c", COUNT_UP, url], cwd=root) for _ in range(3)]
    assert [process.wait(300) for process in running] == [0, 0, 0]
    with db.read() as session:
        assert session.get_one(Patient, "p").name == "75"


def test_a_reader_cannot_write_by_mistake(db):
    # SQLite drops what was written, PostgreSQL refuses to take it.
    with suppress(DBAPIError), db.read() as session:
        session.add(Patient(name="by mistake", created_at=datetime.now(UTC)))
        session.flush()
    with db.read() as session:
        assert session.query(Patient).count() == 0


def test_a_failed_transaction_leaves_nothing(db):
    def half_done():
        with db.session() as session:
            session.add(Patient(name="half", created_at=datetime.now(UTC)))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        half_done()
    with db.read() as session:
        assert session.query(Patient).count() == 0


def test_an_error_tells_no_name(db):
    def twice():
        with db.session() as session:
            session.add_all([Patient(id="p", name="Zauberberg", created_at=datetime.now(UTC))])
            session.flush()
            session.execute(insert(Patient).values(id="p", name="Zauberberg", created_at=datetime.now(UTC)))

    with pytest.raises(IntegrityError) as refusal:
        twice()
    assert "Zauberberg" not in str(refusal.value)


def test_references_are_enforced(db):
    def orphan():
        with db.session() as session:
            session.add(
                Recording(
                    patient_id="nobody",
                    kind="video",
                    recorded_on=datetime.now(UTC).date(),
                    created_at=datetime.now(UTC),
                )
            )

    with pytest.raises(IntegrityError):
        orphan()


def test_a_reader_sees_one_moment_and_hinders_nobody(db):
    with db.read() as reader:
        assert reader.query(Patient).count() == 0
        with db.session() as writer:
            writer.add(Patient(name="new", created_at=datetime.now(UTC)))
        assert reader.query(Patient).count() == 0


def test_times_come_back_in_utc_and_naive_ones_are_refused(db):
    with db.session() as session:
        session.add(Patient(id="p", name="n", created_at=datetime(2026, 3, 1, 12, tzinfo=UTC)))
    with db.read() as session:
        assert session.get_one(Patient, "p").created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        Patient.__table__.c.created_at.type.process_bind_param(datetime(2026, 1, 1), db.engine.dialect)  # noqa: DTZ001


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_pragmas_hold_on_each_connection(db):
    with db.read() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "temp_store": 2}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_server_that_closed_its_connections_is_asked_again(db):
    with db.session() as session:
        session.add(Patient(name="before", created_at=datetime.now(UTC)))
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    administrator = create_engine(db.engine.url)
    with administrator.connect() as connection:
        connection.execute(others)
    administrator.dispose()
    with db.read() as session:
        assert session.query(Patient).count() == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_another_date_style_of_the_server_changes_nothing(db):
    administrator = create_engine(db.engine.url, isolation_level="AUTOCOMMIT")
    name = db.engine.url.database
    with administrator.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET datestyle = 'German, DMY'"))
        connection.execute(text(f"ALTER DATABASE {name} SET timezone = 'Pacific/Auckland'"))
    administrator.dispose()
    db.close()
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with db.session() as session:
        session.add(Patient(id="p", name="n", created_at=at))
    with db.read() as session:
        assert session.get_one(Patient, "p").created_at == at


def test_an_old_sqlite_is_named(monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 0))
    assert "network drive" in sqlite_warning()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert sqlite_warning() is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_engine_works_with_the_sqlite_that_all_else_uses(db):
    assert db.engine.dialect.dbapi is sqlite3
    with db.read() as session:
        assert session.scalar(text("SELECT sqlite_version()")) == sqlite3.sqlite_version


def test_the_wheel_brings_a_sqlite_without_the_fault():
    pytest.importorskip("pysqlite3", reason="there is no wheel for this system; doctor warns")
    assert sqlite3.__name__ == "pysqlite3.dbapi2"
    assert sqlite3.sqlite_version_info >= SAFE_SQLITE


def test_without_the_wheel_python_s_own_is_used():
    code = "import sys; sys.modules['pysqlite3'] = None; from db.sqlite import sqlite3; print(sqlite3.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "sqlite3"
