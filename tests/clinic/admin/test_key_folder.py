"""A key folder holds the id of its clinic, and no second clinic begins on it unnoticed."""

import shutil
from contextlib import closing
from dataclasses import replace

import pytest

import db.migrate
from clinic.admin import key_folder, keyring, rotation
from clinic.settings import Settings
from db.engine import open_database
from db.models import Installation
from fer_core.errors import FerError
from tests.db.test_migrate import earlier_than, execute

PERSON = "INSERT INTO patient (id, name, note, demo, created_at) VALUES ('p', 'Ann Invented', '', false, '2026-01-01')"
AUDITED = "INSERT INTO audit (number, at, deed, details, previous, sha256) VALUES"


@pytest.fixture
def started(settings, copy_tables):
    """A function that starts a clinic in a folder, with the key folder of `settings` unless another one is named."""

    def start(name, **named):
        there = replace(Settings.at(settings.data_dir / name), **{"key_dir": settings.key_dir} | named)
        if not there.data_dir.exists():
            there.data_dir.mkdir()
            copy_tables(there.data_dir / "clinic.db")
        with closing(open_database(there.database_url)) as db:
            keyring.settle(db, there)
        return there

    return start


def change(settings, **columns):
    """Change the row of the clinic-wide settings."""
    with closing(open_database(settings.database_url)) as db, db.session() as session:
        row = session.get_one(Installation, Installation.ONLY)
        for name, value in columns.items():
            setattr(row, name, value)


def refused(work):
    with pytest.raises(FerError) as refusal:
        work()
    assert refusal.value.code == "key_folder"
    return refusal.value.message


def test_an_empty_clinic_takes_no_key_folder_of_another(started, tmp_path):
    first = started("one")
    files = {path: path.read_bytes() for path in first.key_dir.iterdir()}
    assert str(first.key_dir) in refused(lambda: started("two"))
    assert {path: path.read_bytes() for path in first.key_dir.iterdir()} == files
    started("two", key_dir=tmp_path / "keys of its own")
    assert started("one") == first, "the first one still starts"
    key_folder.path_of(first).unlink()
    started("three")


def test_a_clinic_of_before_takes_the_folder_for_its_own(started):
    old = started("one")
    key_folder.path_of(old).unlink()
    change(old, clinic_id=None)
    started("one")
    name = key_folder.path_of(old).read_text()
    change(old, clinic_id=None)
    started("one")
    with closing(open_database(old.database_url)) as db:
        key_folder.require_own(db, old)
    assert key_folder.path_of(old).read_text() == name, "as after the restore of an old backup"


def test_a_clinic_that_shares_its_key_folder_works_and_does_not_change_the_key(started):
    clinic = started("one")
    change(clinic, clinic_id="b" * 32)
    started("one")
    key = (clinic.key_dir / "master.key").read_text()
    with closing(open_database(clinic.database_url)) as db:
        assert "clinic.id" in refused(lambda: rotation.rotate(db, clinic))
        assert (clinic.key_dir / "master.key").read_text() == key
        key_folder.path_of(clinic).unlink()
        rotation.rotate(db, clinic)
    assert (clinic.key_dir / "master.key").read_text() != key
    started("one")
    assert key_folder.path_of(clinic).read_text() == "b" * 32 + "\n"


def test_two_clinics_of_before_that_share_a_key_folder_are_seen(tmp_path, settings, monkeypatch):
    """Neither knew an id: their first rows of the audit tell them apart, before one of them changes the common key."""

    def of_before(name, first_row):
        there = replace(Settings.at(settings.data_dir / name), key_dir=settings.key_dir)
        there.data_dir.mkdir()
        with monkeypatch.context() as before:
            before.setattr(db.migrate, "MIGRATIONS", earlier_than("0006", tmp_path / f"migrations of {name}"))
            db.migrate.upgrade(there.database_url)
        execute(there.database_url, PERSON)
        execute(there.database_url, f"{AUDITED} (1, '2026-01-01', 'first', '{{}}', '', '{first_row * 64}')")
        return there

    def start(there):
        db.migrate.upgrade(there.database_url)
        with closing(open_database(there.database_url)) as database:
            keyring.settle(database, there)

    one, two = of_before("one", "a"), of_before("two", "b")
    start(one)
    assert "clinic.id" in refused(lambda: start(two))
    start(one)

    own = replace(two, key_dir=tmp_path / "keys of its own")
    shutil.copytree(two.key_dir, own.key_dir)
    key_folder.path_of(own).unlink()
    start(own)
    start(one)
    again = of_before("one, restored", "a")
    start(again)
