"""A new master key opens everything that the old one did; killed at any step, the change goes on where it stopped."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from clinic import audit
from clinic.accounts import sessions, totp
from clinic.admin import keyring, rotation, store_check
from clinic.admin.findings import Level
from clinic.jobs import previews
from clinic.recordings import incoming, uploads
from clinic.recordings.pieces import Piece
from db.copies import copy_whole
from db.models import AuditRow, RecoveryCode, SecondStep, new_id
from db.probe import Probe
from fer_core.errors import FerError
from storage import at_work, keys
from storage.keys import MasterKeyError
from storage.media import MediaStore
from storage.wrapping import SealError
from tests.doors import PASSWORD

ROOT = Path(__file__).parents[3]
OTHER = bytes(range(32))


class Clinic:
    """A clinic with one of each sealed thing: a file, a preview, an upload under way, a second step."""

    def __init__(self, db, settings, who, stored):
        self.db, self.settings, self.who, self.stored = db, settings, who, stored
        keyring.settle(db, settings)
        self.recording_id = new_id()
        previews._write(settings, self.recording_id, previews.PREVIEW, b"a picture")
        self.upload = incoming.begin(db, settings, who, 100)
        self.secret = totp.begin(db, settings, who, PASSWORD).secret

    def opens(self, settings):
        """Return whether everything opens with the key of these settings."""
        with uploads.open_stored(settings, self.stored.id) as file:
            assert file.read() == self.stored.id.encode()
        assert previews._read(settings, self.recording_id, previews.PREVIEW) == b"a picture"
        piece = Piece(settings, self.upload.id, 0, {}, self.who.account_id)
        piece.close()
        assert totp.begun(self.db, settings, self.who).secret == self.secret
        return keyring.settle(self.db, settings).fingerprint == keyring.recorded(self.db)


def of_key(key_id):
    """The answer of a database of which no more than the fingerprint of the key is known."""
    return Probe("a fake", None, False, key_id, None, True, None)


@pytest.fixture
def clinic(db, settings, who, an_upload):
    return Clinic(db, settings, who, an_upload())


def test_everything_opens_with_the_new_key_and_nothing_with_the_old(clinic):
    db, settings = clinic.db, clinic.settings
    old = keys.require(settings)
    found = rotation.rotate(db, settings)
    assert (found.files, found.second_steps, found.lost) == (3, 1, 0)
    assert keys.require(settings) != old
    assert clinic.opens(settings)
    assert keys.read(found.kept) == old
    assert found.kept.stat().st_mode & 0o077 == 0
    with pytest.raises(SealError):
        MediaStore.at(settings, old).open(clinic.stored.id)
    assert [path.suffix for path in settings.data_dir.rglob("*") if path.suffix == ".rewrap"] == []
    with db.read() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "key_changed")).one()
        assert row.details == {"console": True, "files": 3, "second_steps": 1}
    assert audit.verify(db).first_bad is None


def test_a_key_of_the_environment_is_changed_there_and_what_is_sealed_follows(clinic, tmp_path):
    db, settings = clinic.db, clinic.settings
    given = replace(settings, master_key=OTHER)
    with pytest.raises(FerError, match="--old-key-file"):
        rotation.rotate(db, given)
    assert rotation.adopt(db, given, keys.key_path(settings)).lost == 0
    assert clinic.opens(given)
    with pytest.raises(MasterKeyError) as refusal:
        keyring.settle(db, settings)
    assert refusal.value.code == "master_key_wrong"


def test_a_backup_of_before_is_opened_with_the_key_of_its_time(clinic):
    """Files and second steps that a restore brings back are sealed with the old key."""
    db, settings = clinic.db, clinic.settings
    old_file = settings.key_dir / "saved-with-the-backup"
    old_file.write_bytes(keys.key_path(settings).read_bytes())
    old_file.chmod(0o600)
    keys.key_path(settings).unlink()
    keys.make(settings)
    with pytest.raises(MasterKeyError):
        keyring.settle(db, settings)
    rotation.adopt(db, settings, old_file)
    assert clinic.opens(settings)


def test_a_third_key_changes_nothing(clinic, tmp_path):
    (tmp_path / "third").write_text(bytes(range(1, 33)).hex())
    (tmp_path / "third").chmod(0o600)
    given = replace(clinic.settings, master_key=OTHER)
    with pytest.raises(MasterKeyError) as refusal:
        rotation.adopt(clinic.db, given, tmp_path / "third")
    assert refusal.value.code == "master_key_wrong"
    with pytest.raises(FerError) as refusal:
        rotation.adopt(clinic.db, given, tmp_path / "nowhere")
    assert refusal.value.code == "no_key_file"
    assert clinic.opens(clinic.settings)


def test_what_neither_key_opened_is_counted_and_left(clinic, seal):
    lost_id = new_id()
    seal(lost_id, b"x")
    path = Path(clinic.settings.media_url) / lost_id
    content = path.read_bytes()
    path.write_bytes(content[:8] + b"?" * 16 + content[24:])
    assert rotation.rotate(clinic.db, clinic.settings).lost == 1
    assert path.read_bytes()[8:24] == b"?" * 16


@pytest.mark.parametrize("number", [1, 5])
def test_while_a_worker_runs_the_key_stays(clinic, number):
    before = keys.require(clinic.settings)
    with at_work.alone(clinic.settings.data_dir, number), pytest.raises(FerError) as refusal:
        rotation.rotate(clinic.db, clinic.settings)
    assert refusal.value.code == "already_running"
    assert keys.require(clinic.settings) == before


def test_a_key_that_is_lost_for_good_takes_second_steps_with_it_and_lets_people_in(clinic):
    db, settings = clinic.db, clinic.settings
    with pytest.raises(FerError) as refusal:
        rotation.replace_lost(db, settings)
    assert refusal.value.code == "key_not_lost"
    lost_file = settings.key_dir / "found-again"
    keys.key_path(settings).rename(lost_file)
    assert rotation.replace_lost(db, settings) == rotation.Lost(second_steps=1, files=1, made=True)
    assert keyring.settle(db, settings)
    with db.read() as session:
        assert session.query(SecondStep).count() == session.query(RecoveryCode).count() == 0
    assert sessions.actor_of(db, sessions.sign_in(db, "Dr. Invented", PASSWORD))
    with pytest.raises(SealError):
        uploads.open_stored(settings, clinic.stored.id)
    said = store_check.check(settings, of_key(keyring.recorded(db)))
    assert said.level is Level.WARNING
    assert "Of 1 file in the media store, 1 can't be opened" in said.sentence
    rotation.adopt(db, settings, lost_file)
    uploads.open_stored(settings, clinic.stored.id).close()
    assert store_check.check(settings, of_key(keyring.recorded(db))).level is Level.OK


def test_another_s_key_in_the_place_of_a_lost_one_is_not_called_new(clinic):
    keys.key_path(clinic.settings).unlink()
    keys.make(clinic.settings)
    assert not rotation.replace_lost(clinic.db, clinic.settings).made


KILLER = """
# A child for each try, killed by itself before its n-th lasting step, on a fresh copy of the clinic.
import os, shutil, signal, sys
from dataclasses import replace
from pathlib import Path
from sqlalchemy import event
from clinic.admin import keyring, rotation
from clinic.recordings import uploads
from clinic.settings import Settings
from db.engine import open_database
from fer_core.errors import FerError
from storage import keys

whole, scratch, stored_id = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
settings = Settings.at(scratch / "data")

def counting(function, left):
    def call(*arguments, **named):
        step(left)
        return function(*arguments, **named)
    return call

def step(left):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def child(number):
    db, left = open_database(settings.database_url), [number]
    for name in ("replace", "link", "fsync"):
        setattr(os, name, counting(getattr(os, name), left))
    event.listen(db.engine, "commit", lambda connection: step(left))
    rotation.rotate(db, settings)

number = 0
while True:
    number += 1
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(whole, scratch)
    old = keys.read(keys.key_path(settings))
    pid = os.fork()
    if pid == 0:
        try:
            child(number)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(9)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    db = open_database(settings.database_url)
    if code:
        try:
            key = keyring.settle(db, settings)
        except FerError as error:
            assert error.code == "rotation_unfinished", error.code
            rotation.rotate(db, settings)
    key = keyring.settle(db, settings)
    if code == 0:
        assert key != old
    with uploads.open_stored(settings, stored_id) as file:
        assert file.read() == stored_id.encode()
    from clinic.accounts import totp
    from db.models import Account, SecondStep
    with db.read() as session:
        for known in session.query(SecondStep):
            assert len(totp._secret(known, key, session.get(Account, known.account_id))) == 20
    db.close()
    if code == 0:
        print(number - 1)
        break
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_killed_before_any_step_it_goes_on(clinic, tmp_path):
    whole = tmp_path / "whole"
    _copy(clinic.settings, whole)
    words = [str(whole), str(tmp_path / "scratch"), clinic.stored.id]
    run = subprocess.run(
        [sys.executable, "-c", KILLER, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 10, "it was killed at every step"


def _copy(settings, whole):
    """Lay the clinic out as one folder, with its keys beside the data."""
    (whole / "data").mkdir(parents=True)
    copy_whole(settings.data_dir / "clinic.db", whole / "data" / "clinic.db")
    for name in ("media", "work", "uploads"):
        shutil.copytree(settings.data_dir / name, whole / "data" / name)
    shutil.copytree(settings.key_dir, whole / "data-keys")
