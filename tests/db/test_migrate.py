"""Migrations bring every database to the models, and lose no row on the way."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

import db.migrate
from db.migrate import MigrationError, current, upgrade
from db.models import Base


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clinic.db"


def fill(path):
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO patient VALUES ('p', 'A', '', 0, '2026-01-01')")
    connection.close()


def test_head_is_what_the_models_say(path):
    upgrade(f"sqlite:///{path}")
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_upgrading_twice_changes_nothing(path):
    upgrade(f"sqlite:///{path}")
    fill(path)
    revision = current(f"sqlite:///{path}")
    upgrade(f"sqlite:///{path}")
    assert current(f"sqlite:///{path}") == revision
    assert [p.name for p in path.parent.glob("*.before-*")] == []


def earlier_than(revision, folder):
    """The migrations before `revision`, in a folder of their own."""
    (folder / "versions").mkdir(parents=True)
    for source in db.migrate.MIGRATIONS.rglob("*.py"):
        if source.parent.name != "versions" or source.name < revision:
            (folder / source.relative_to(db.migrate.MIGRATIONS)).write_text(source.read_text())
    return folder


def test_a_database_without_accounts_gets_them_and_keeps_its_patients(path, tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(db.migrate, "MIGRATIONS", earlier_than("0002", tmp_path / "old"))
        upgrade(f"sqlite:///{path}")
    fill(path)
    upgrade(f"sqlite:///{path}")
    assert rows(path) == [("p", "A")]
    assert [kept.name for kept in path.parent.glob("*.before-*")] == ["clinic.db.before-0001"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (0,)


@pytest.mark.parametrize("statement", ["UPDATE audit SET deed = 'b'", "DELETE FROM audit"])
def test_no_statement_changes_the_audit(path, statement):
    upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO audit VALUES (1, '2026-01-01', 'a', NULL, NULL, NULL, '{}', '', '')")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)


MIGRATION = '''"""A migration of a test."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None
{declared}
def upgrade():
    {body}
'''


@pytest.fixture
def next_migration(path, tmp_path, monkeypatch):
    """Return a function that adds a migration after the real ones."""
    upgrade(f"sqlite:///{path}")
    fill(path)

    def add(body, declared=""):
        folder = tmp_path / "migrations"
        (folder / "versions").mkdir(parents=True)
        for source in db.migrate.MIGRATIONS.rglob("*.py"):
            (folder / source.relative_to(db.migrate.MIGRATIONS)).write_text(source.read_text())
        text = MIGRATION.format(head=current(f"sqlite:///{path}"), body=body, declared=declared)
        (folder / "versions" / "9999_test.py").write_text(text)
        monkeypatch.setattr(db.migrate, "MIGRATIONS", folder)

    return add


def rows(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT id, name FROM patient").fetchall()
    finally:
        connection.close()


def test_a_batch_change_of_a_parent_keeps_its_children(path, next_migration):
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO recording (id, patient_id, kind, recorded_on, note, source_name, source_sha256, settings,"
        " program_version, device, damaged_frames, partial, created_at)"
        " VALUES ('r', 'p', 'video', '2026-01-01', '', '', '', '{}', '', '', 0, 0, '2026-01-01')"
    )
    connection.commit()
    connection.close()
    next_migration(
        "with op.batch_alter_table('patient', recreate='always') as t: t.add_column(sa.Column('x', sa.Text()))"
    )
    upgrade(f"sqlite:///{path}")
    assert rows(path) == [("p", "A")]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM recording").fetchone() == (1,)
    connection.close()
    assert len(list(path.parent.glob("clinic.db.before-*"))) == 1


def test_a_migration_that_loses_rows_is_undone(path, next_migration):
    before = current(f"sqlite:///{path}")
    next_migration("op.execute('DELETE FROM patient')")
    with pytest.raises(MigrationError, match="patient"):
        upgrade(f"sqlite:///{path}")
    assert rows(path) == [("p", "A")]
    assert current(f"sqlite:///{path}") == before


def test_a_migration_that_breaks_references_is_undone(path, next_migration):
    next_migration(
        'op.execute("INSERT INTO job (id, recording_id, state, priority, attempts, lease_token, cancel_requested,'
        " sources, done_s, frames, created_at) VALUES ('j', 'none', 'queued', 0, 0, 0, 0, '[]', 0, 0, '2026-01-01')\")"
    )
    with pytest.raises(MigrationError, match="reference"):
        upgrade(f"sqlite:///{path}")


def test_a_migration_may_remove_what_it_says(path, next_migration):
    next_migration("op.execute('DELETE FROM patient')", declared="REMOVES_ROWS_OF = ('patient',)")
    upgrade(f"sqlite:///{path}")
    assert rows(path) == []
    assert current(f"sqlite:///{path}") == "9999"


def test_a_failed_migration_leaves_no_half_of_it(path, next_migration):
    next_migration("op.execute('CREATE TABLE half (x)'); op.execute('no SQL at all')")
    with pytest.raises(Exception, match="syntax"):
        upgrade(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'half'").fetchone() is None
    connection.close()


def test_a_migration_overwrites_what_it_removes(path, next_migration):
    next_migration("assert op.get_bind().exec_driver_sql('PRAGMA secure_delete').scalar() == 1")
    upgrade(f"sqlite:///{path}")
    assert current(f"sqlite:///{path}") == "9999"


def test_a_database_of_a_newer_version_is_left_alone(path):
    upgrade(f"sqlite:///{path}")
    fill(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '7777'")
    connection.close()
    with pytest.raises(MigrationError, match="newer version"):
        upgrade(f"sqlite:///{path}")
    assert rows(path) == [("p", "A")]


def test_several_may_start_at_once(path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [f"sqlite:///{path}"] * 4))
    assert current(f"sqlite:///{path}") == db.migrate.head()


def test_the_database_and_its_copy_are_this_user_s_alone(path, next_migration):
    next_migration("op.execute('CREATE TABLE more (x)')")
    upgrade(f"sqlite:///{path}")
    [kept] = path.parent.glob("clinic.db.before-*")
    assert [stat.S_IMODE(file.stat().st_mode) for file in (path, kept)] == [0o600, 0o600]
    assert rows(kept) == [("p", "A")]


def test_asking_for_the_revision_makes_no_database(path):
    assert current(f"sqlite:///{path}") is None
    assert not path.exists()
