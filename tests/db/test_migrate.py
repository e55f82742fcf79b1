"""Migrations bring every database to the models, and lose no row on the way."""

import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

import db.migrate
from db.copies import sqlite_path
from db.engine import open_database
from db.faults import explained
from db.migrate import MigrationError, current, head, upgrade
from db.models import Account, Base, Recording
from fer_core.errors import FerError
from tests import postgresql

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


RECORDING = (
    "INSERT INTO recording (id, patient_id, kind, recorded_on, note, source_name, source_sha256, settings,"
    " program_version, device, damaged_frames, partial, created_at)"
    " VALUES ('r', 'p', 'video', '2026-01-01', '', '', '', '{}', '', '', 0, false, '2026-01-01')"
)


@contextmanager
def connected(url):
    """A connection whose transaction commits at the end; nothing of it stays open."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def execute(url, statement):
    with connected(url) as connection:
        connection.execute(text(statement))


def fill(url, patient="p"):
    values = f"('{patient}', 'A', '', false, '2026-01-01')"
    execute(url, f"INSERT INTO patient (id, name, note, demo, created_at) VALUES {values}")


def rows(url):
    with connected(url) as connection:
        return [tuple(row) for row in connection.execute(text("SELECT id, name FROM patient ORDER BY id"))]


def count(url, table):
    with connected(url) as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_head_is_what_the_models_say(database_url):
    upgrade(database_url)
    with connected(database_url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_upgrading_twice_changes_nothing(database_url, tmp_path):
    upgrade(database_url)
    fill(database_url)
    revision = current(database_url)
    upgrade(database_url)
    assert current(database_url) == revision
    assert rows(database_url) == [("p", "A")]
    assert list(tmp_path.glob("*.before-*")) == []


def earlier_than(revision, folder):
    """The migrations before `revision`, in a folder of their own."""
    (folder / "versions").mkdir(parents=True)
    for source in db.migrate.MIGRATIONS.rglob("*.py"):
        if source.parent.name != "versions" or source.name < revision:
            (folder / source.relative_to(db.migrate.MIGRATIONS)).write_text(source.read_text())
    return folder


def test_a_database_without_accounts_gets_them_and_keeps_its_patients(database_url, tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(db.migrate, "MIGRATIONS", earlier_than("0002", tmp_path / "old"))
        upgrade(database_url)
    fill(database_url)
    upgrade(database_url)
    assert rows(database_url) == [("p", "A")]
    assert count(database_url, "account") == 0


@pytest.mark.parametrize("statement", ["UPDATE audit SET deed = 'b'", "DELETE FROM audit"])
def test_no_statement_changes_the_audit(database_url, statement):
    upgrade(database_url)
    execute(database_url, "INSERT INTO audit VALUES (1, '2026-01-01', 'a', NULL, NULL, NULL, '{}', '', '')")
    with pytest.raises(DBAPIError, match="append-only"):
        execute(database_url, statement)
    assert count(database_url, "audit") == 1


def test_a_clinic_of_the_first_version_keeps_its_recordings(database_url):
    config = db.migrate._config()
    with connected(database_url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    fill(database_url)
    execute(database_url, RECORDING)
    execute(
        database_url,
        "INSERT INTO job (id, recording_id, state, priority, attempts, lease_token, cancel_requested, sources, done_s,"
        " frames, created_at) VALUES ('j', 'r', 'queued', 0, 0, 0, false, '[]', 0, 0, '2026-01-01')",
    )
    upgrade(database_url)
    database = open_database(database_url)
    with database.read() as session:
        recording = session.get_one(Recording, "r")
        assert (recording.current, recording.version_of, recording.chunks) == (True, None, [])
        assert (recording.job.worker, recording.job.resumed_s, recording.job.cursor) == ("", 0.0, None)
    database.close()


def test_visits_of_before_are_numbered_as_they_came_in(database_url, tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(db.migrate, "MIGRATIONS", earlier_than("0010", tmp_path / "old"))
        upgrade(database_url)
    fill(database_url)
    for name, number, version_of in (("z", 1, "NULL"), ("a", 2, "NULL"), ("b", 3, "'z'")):
        values = RECORDING.replace("(id,", "(number, version_of, id,").replace(
            "('r'", f"({number}, {version_of}, '{name}'"
        )
        execute(database_url, values)
    upgrade(database_url)
    with connected(database_url) as connection:
        found = connection.execute(text("SELECT id, visit_number FROM recording ORDER BY id")).all()
        assert [tuple(row) for row in found] == [("a", 2), ("b", 1), ("z", 1)]
        assert connection.execute(text("SELECT visits FROM patient")).scalar_one() == 2


EARLIER = [path.name[:4] for path in sorted((db.migrate.MIGRATIONS / "versions").glob("0*.py"))][:-1]


def test_every_earlier_schema_becomes_today_s_and_keeps_its_rows(database_url):
    """A patient is added at each revision, and comes with all the others through every later one."""
    config = db.migrate._config()
    for revision in EARLIER:
        with connected(database_url) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        fill(database_url, revision)
        if revision == EARLIER[0]:
            execute(database_url, RECORDING.replace("'p'", f"'{revision}'"))
        assert current(database_url) == revision
        assert [patient_id for patient_id, _ in rows(database_url)] == EARLIER[: EARLIER.index(revision) + 1]
    upgrade(database_url)
    assert current(database_url) == head()
    assert rows(database_url) == [(revision, "A") for revision in EARLIER]
    assert count(database_url, "recording") == 1
    with connected(database_url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_two_clinics_of_before_get_different_ids_and_each_the_same_one_again(database_url, tmp_path, monkeypatch):
    """An id is what shows that two share a key folder; a restored older backup must not look like another clinic."""
    with monkeypatch.context() as before:
        before.setattr(db.migrate, "MIGRATIONS", earlier_than("0058", tmp_path / "migrations"))
        upgrade(database_url)
    row = "INSERT INTO audit (number, at, deed, details, previous, sha256) VALUES"
    execute(database_url, f"{row} (1, '2026-01-01', 'signed_in', '{{}}', '{'0' * 64}', '{'a' * 32}{'c' * 32}')")
    execute(database_url, f"{row} (2, '2026-01-02', 'signed_in', '{{}}', '{'0' * 64}', '{'b' * 64}')")
    upgrade(database_url)
    with connected(database_url) as connection:
        assert connection.execute(text("SELECT id, clinic_id FROM installation")).all() == [(1, "a" * 32)]


@pytest.mark.parametrize("known", ["d" * 32, None])
def test_an_id_that_a_clinic_has_stays(database_url, tmp_path, monkeypatch, known):
    with monkeypatch.context() as before:
        before.setattr(db.migrate, "MIGRATIONS", earlier_than("0058", tmp_path / "migrations"))
        upgrade(database_url)
    stored = f"'{known}'" if known else "NULL"
    execute(database_url, f"INSERT INTO installation (id, zone_confirmed, clinic_id) VALUES (1, true, {stored})")
    upgrade(database_url)
    with connected(database_url) as connection:
        assert connection.execute(text("SELECT zone_confirmed, clinic_id FROM installation")).all() == [(True, known)]


def test_patients_of_before_get_no_consent_and_accounts_have_accepted_nothing(database_url, tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(db.migrate, "MIGRATIONS", earlier_than("0004", tmp_path / "old"))
        upgrade(database_url)
    fill(database_url)
    execute(
        database_url,
        "INSERT INTO account (id, name, name_key, role, password_hash, must_change, created_at)"
        " VALUES ('a', 'Ann', 'ann', 'clinician', '', false, '2026-01-01')",
    )
    upgrade(database_url)
    assert (count(database_url, "patient"), count(database_url, "consent")) == (1, 0)
    database = open_database(database_url)
    with database.read() as session:
        account = session.get_one(Account, "a")
        assert (account.statement, account.accepted_at) == (None, None)
    database.close()


MIGRATION = '''"""A migration of a test."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None
{declared}
def upgrade():
    {body}
'''


@pytest.fixture
def next_migration(at_head, database_url, tmp_path, monkeypatch):
    """Return a function that adds a migration after the real ones."""
    fill(database_url)

    def add(body, declared=""):
        folder = tmp_path / "migrations"
        (folder / "versions").mkdir(parents=True)
        for source in db.migrate.MIGRATIONS.rglob("*.py"):
            (folder / source.relative_to(db.migrate.MIGRATIONS)).write_text(source.read_text())
        text = MIGRATION.format(head=current(database_url), body=body, declared=declared)
        (folder / "versions" / "9999_test.py").write_text(text)
        monkeypatch.setattr(db.migrate, "MIGRATIONS", folder)

    return add


def test_a_batch_change_of_a_parent_keeps_its_children(database_url, next_migration):
    execute(database_url, RECORDING)
    # PostgreSQL changes a table in place, so that only SQLite copies it.
    copied = "always" if sqlite_path(database_url) else "never"
    next_migration(
        f"with op.batch_alter_table('patient', recreate='{copied}') as t: t.add_column(sa.Column('x', sa.Text()))"
    )
    upgrade(database_url)
    assert rows(database_url) == [("p", "A")]
    assert count(database_url, "recording") == 1


@only_sqlite
def test_a_copy_is_kept_beside_before_a_migration(database_url, next_migration, tmp_path):
    next_migration("op.execute('CREATE TABLE more (x INTEGER)')")
    upgrade(database_url)
    [kept] = tmp_path.glob("clinic.db.before-*")
    modes = [stat.S_IMODE(file.stat().st_mode) for file in (sqlite_path(database_url), kept)]
    assert modes == [0o600, 0o600], "this user's alone"
    assert rows(f"sqlite:///{kept}") == [("p", "A")]


def test_a_migration_that_loses_rows_is_undone(database_url, next_migration):
    before = current(database_url)
    next_migration("op.execute('DELETE FROM patient')")
    with pytest.raises(MigrationError, match="patient"):
        upgrade(database_url)
    assert rows(database_url) == [("p", "A")]
    assert current(database_url) == before


def test_a_migration_that_breaks_references_is_undone(database_url, next_migration):
    next_migration(
        'op.execute("INSERT INTO job (id, recording_id, state, priority, attempts, lease_token, cancel_requested,'
        " sources, done_s, frames, created_at)"
        " VALUES ('j', 'none', 'queued', 0, 0, 0, false, '[]', 0, 0, '2026-01-01')\")"
    )
    # PostgreSQL refuses the statement itself.
    with pytest.raises((MigrationError, IntegrityError), match=r"reference|foreign key"):
        upgrade(database_url)
    assert count(database_url, "job") == 0


def test_a_migration_may_remove_what_it_says(database_url, next_migration):
    next_migration("op.execute('DELETE FROM patient')", declared="REMOVES_ROWS_OF = ('patient',)")
    upgrade(database_url)
    assert rows(database_url) == []
    assert current(database_url) == "9999"


def test_a_failed_migration_leaves_no_half_of_it(database_url, next_migration):
    next_migration("op.execute('CREATE TABLE half (x INTEGER)'); op.execute('no SQL at all')")
    with pytest.raises(DBAPIError, match="syntax"):
        upgrade(database_url)
    with connected(database_url) as connection:
        assert not inspect(connection).has_table("half")


@only_sqlite
def test_a_migration_overwrites_what_it_removes(database_url, next_migration):
    next_migration("assert op.get_bind().exec_driver_sql('PRAGMA secure_delete').scalar() == 1")
    upgrade(database_url)
    assert current(database_url) == "9999"


def test_a_database_of_a_newer_version_is_left_alone(database_url):
    upgrade(database_url)
    fill(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '7777'")
    with pytest.raises(MigrationError, match="newer version"):
        upgrade(database_url)
    assert rows(database_url) == [("p", "A")]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_new_database_that_can_t_hold_every_name_stays_empty(postgresql_server, administer, encoding):
    name = f"of_{encoding}".lower()
    administer(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    url = postgresql.url_of(postgresql_server, name)
    with pytest.raises(FerError, match=f"holds {encoding} and not UTF-8"):
        upgrade(url)
    assert current(url) is None


def test_a_clinic_that_is_in_such_a_database_goes_on(postgresql_server, administer, monkeypatch):
    administer("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    url = postgresql.url_of(postgresql_server, "latin")
    with monkeypatch.context() as before:
        before.setattr(db.migrate, "other_encoding", lambda connection: None)
        upgrade(url)
    upgrade(url)
    named = "INSERT INTO patient (id, name, note, demo, created_at) VALUES (:name, :name, '', false, '2026-01-01')"
    with closing(open_database(url)) as clinic:
        with clinic.session() as session:
            session.execute(text(named), {"name": "M\xfcller"})
        with pytest.raises(DBAPIError) as refused, clinic.session() as session:
            session.execute(text(named), {"name": "\u0141ukasz"})
    assert explained(refused.value).code == "no_text"
    assert rows(url)[0][0] == "M\xfcller"


def test_several_may_start_at_once(database_url):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [database_url] * 4))
    assert current(database_url) == head()


@only_sqlite
def test_asking_for_the_revision_makes_no_database(database_url):
    assert current(database_url) is None
    assert not sqlite_path(database_url).exists()
