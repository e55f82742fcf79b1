"""A clinic knows its key: a lost or a wrong one is refused, and a new one is made for an empty clinic alone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from clinic import audit
from clinic.admin import key_folder, keyring
from clinic.patients import caseload
from clinic.settings import Settings
from db.engine import open_database
from db.models import Installation, SecondStep
from storage import keys
from storage.keys import MasterKeyError
from storage.sealed import seal_bytes
from storage.wrapping import Key
from tests import doors


@pytest.fixture
def fresh(tmp_path, copy_tables):
    """The settings of an installation that was never started, and its database."""
    settings = Settings.at(tmp_path / "data")
    settings.data_dir.mkdir()
    copy_tables(settings.data_dir / "clinic.db")
    database = open_database(settings.database_url)
    yield settings, database
    database.close()


def refusal_of(db, settings):
    with pytest.raises(MasterKeyError) as refusal:
        keyring.settle(db, settings)
    return refusal.value


def test_an_empty_clinic_gets_a_key_and_knows_it(fresh):
    settings, db = fresh
    key = keyring.settle(db, settings)
    assert keyring.settle(db, settings) == key
    assert keyring.recorded(db) == key.fingerprint
    assert key.secret.hex() not in (settings.data_dir / "clinic.db").read_bytes().hex()
    assert settings.erasures_path.read_bytes() == b""


def test_a_lost_key_is_refused_and_no_other_is_made(fresh):
    settings, db = fresh
    keyring.settle(db, settings)
    keys.key_path(settings).unlink()
    assert refusal_of(db, settings).code == "master_key_missing"
    assert not keys.key_path(settings).exists()


def test_a_wrong_key_is_refused(fresh):
    settings, db = fresh
    keyring.settle(db, settings)
    error = refusal_of(db, replace(settings, master_key=bytes(range(32))))
    assert error.code == "master_key_wrong"
    assert "--old-key-file" in error.message


def test_an_older_clinic_in_which_nothing_was_sealed_gets_its_first_key(fresh):
    """Version 0.1.0 made the key at the first recording."""
    settings, db = fresh
    caseload.add_patient(db, doors.actor(db), "Invented Person")
    assert keyring.settle(db, settings)


@pytest.mark.parametrize("action", keyring.NEEDED_A_KEY)
def test_an_older_clinic_without_its_key_gets_no_new_one(fresh, action):
    """A database of the last release holds no fingerprint: what was done in it says that there was a key."""
    settings, db = fresh
    with db.session() as session:
        audit.write(session, action, doors.add_account(db))
    assert refusal_of(db, settings).code == "master_key_missing"
    assert not keys.key_path(settings).exists()


def test_an_older_clinic_with_another_s_key_is_recognised_by_its_second_steps(fresh):
    settings, db = fresh
    account = doors.add_account(db)
    sealed = seal_bytes(b"secret", Key.of(bytes(range(32))), f"second step {account}".encode())
    with db.session() as session:
        session.add(SecondStep(account_id=account, secret=sealed.hex(), created_at=doors.now()))
    keys.make(settings)
    assert refusal_of(db, settings).code == "master_key_wrong"
    assert keyring.recorded(db) is None


def test_an_older_clinic_with_another_s_key_is_recognised_by_its_files(db, settings, an_upload):
    an_upload()
    assert refusal_of(db, replace(settings, master_key=bytes(range(32)))).code == "master_key_wrong"
    assert keyring.settle(db, settings)


def test_a_damaged_file_hinders_no_start(db, settings, an_upload):
    an_upload().path.write_bytes(b"no sealed file")
    assert keyring.settle(db, settings)


def test_the_demonstration_gets_its_key_although_it_has_accounts(fresh):
    settings, db = fresh
    doors.add_account(db)
    assert keyring.settle(db, replace(settings, demo=True))


def test_a_folder_that_another_start_marks_meanwhile_is_not_another_clinic_s(fresh, monkeypatch):
    settings, db = fresh
    other, begun, settled = open_database(settings.database_url), key_folder._begun, []

    def after_the_other(session, row):
        if not settled:
            settled.append("at work")
            settled.append(keyring.settle(other, settings))
        return begun(session, row)

    monkeypatch.setattr(key_folder, "_begun", after_the_other)
    assert keyring.settle(db, settings) == settled[1]
    other.close()


def test_of_two_that_start_at_once_one_makes_the_key(fresh):
    settings, db = fresh
    others = [open_database(settings.database_url) for _ in range(4)]
    together = threading.Barrier(len(others))

    def start(other):
        together.wait()
        return keyring.settle(other, settings)

    with ThreadPoolExecutor(len(others)) as threads:
        assert len(set(threads.map(start, others))) == 1
    for other in others:
        other.close()
    with db.read() as session:
        assert session.query(Installation).count() == 1
