"""Backups of either kind of database: dated, pruned, tried on a scratch folder, and brought back without the erased."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from backup import archive, daily, leftovers
from backup.archive import Secret
from backup.restoring import known_erasures
from clinic import clock
from clinic.accounts import accounts
from clinic.admin import backups, installation_checks, key_folder, keyring, rotation
from clinic.admin.findings import Level
from clinic.erasure import deletion
from clinic.phrases import counted
from db.copies import LOCK, CopyError
from db.engine import migrate, open_database
from db.models import Job, JobState, Patient, ProviderAttempt, Recording, Sample, SignIn
from db.room import DiskFullError
from fer_core.errors import FerError
from storage import keys
from storage.media import open_store

KEEP = 30


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


@pytest.fixture
def clinic(db, settings, who, an_upload):
    """Two patients, each with a recording whose file waits; the first is to be erased."""
    keyring.settle(db, settings)
    ids = {}
    with db.session() as session:
        for name in ("Wilhelmine Zauberberg", "Ann Invented"):
            patient = Patient(name=name, created_at=datetime.now(UTC))
            visit = Recording(kind="video", recorded_on=date(2026, 1, 1), created_at=datetime.now(UTC))
            visit.samples = [Sample(frame_index=index, time_s=index / 3) for index in range(50)]
            stored = an_upload()
            visit.job = Job(sources=[stored.as_source()], created_at=datetime.now(UTC), state=JobState.CHOOSING.value)
            patient.recordings.append(visit)
            session.add(patient)
            session.flush()
            accounts.grant(session, who.account_id, patient.id)
            ids[name] = (patient.id, stored.id)
    return ids


def erased_of(settings):
    return known_erasures(settings.erasures_path, without=False)


def names(db):
    with db.read() as session:
        return list(session.scalars(select(Patient.name).order_by(Patient.name)))


def erase(db, settings, who, clinic):
    deletion.delete_patient(db, settings, who, clinic["Wilhelmine Zauberberg"][0])


def left_beside(settings):
    """What a backup or a drill could have left in the data folder."""
    return [path.name for path in settings.data_dir.iterdir() if path.name.startswith(("snapshot", "restore-check"))]


def left_copies(settings):
    [found] = [one for one in installation_checks.check_all(settings) if one.name == "leftover copies"]
    return found


KILLED = """
import os, sys
from backup import archive
from clinic import __main__
add = archive.add_packed
archive.add_packed = lambda *given: (add(*given), os.kill(os.getpid(), 9))
__main__.main(["backup"])
"""


def kill_while_writing(settings):
    """Let a backup of its own process be killed once the database is copied."""
    named = {"FER_DATA_DIR": settings.data_dir, "FER_KEY_DIR": settings.key_dir, "FER_BACKUP_DIR": settings.backup_dir}
    environment = os.environ | {name: str(value) for name, value in named.items()}
    process = subprocess.run([sys.executable, "-c", KILLED], env=environment, cwd=backups.PROGRAM_DIR, check=False)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def no_pages(monkeypatch):
    """The pages themselves are started by one test alone."""
    monkeypatch.setattr(backups, "_start", lambda settings: 1.0)


def test_a_restore_drill_reports_and_leaves_everything_as_it_was(db, settings, who, clinic, folder):
    """On either kind of database, with a patient who was erased after the backup: the pages start on it."""
    secret = backups.own_secret(settings, make=True)
    file, manifest = backups.make(settings, folder, secret, KEEP)
    erase(db, settings, who, clinic)
    reported = list(backups.drill(settings, file, secret, erased_of(settings)))
    assert reported[0] == f"The backup is whole: {counted(sum(manifest.tables.values()), 'row')}, 1 of 2 files."
    assert reported[1] == "Its master key is the installed one."
    assert reported[2] == "Of 1 erasure or withdrawal, none is undone."
    assert reported[3] == "Files of recordings that open with the key: 1."
    assert reported[-1].startswith("The pages start on it")
    assert names(db) == ["Ann Invented"]
    assert left_beside(settings) == []


def test_what_was_erased_is_gone_before_anybody_sees_the_restored_clinic(
    db, settings, who, clinic, folder, tmp_path, request
):
    secret = backups.own_secret(settings, make=True)
    file, manifest = backups.make(settings, folder, secret, KEEP)
    assert manifest.tables["patient"] == 2
    erase(db, settings, who, clinic)
    with pytest.raises(FerError) as refusal:
        backups.bring_back(settings, file, None, erased_of(settings))
    assert refusal.value.code == "no_secret"
    there = replace(settings, data_dir=tmp_path / "new", media_url=str(tmp_path / "new" / "media"))
    there.data_dir.mkdir(mode=0o700)
    if settings.database_url.startswith("sqlite"):
        there = replace(there, database_url=f"sqlite:///{there.data_dir / 'clinic.db'}")
    else:
        with pytest.raises(FerError) as refusal:
            backups.bring_back(settings, file, secret, erased_of(settings))
        assert refusal.value.code == "target_not_empty", "a database with a clinic in it is left alone"
        there = replace(there, database_url=empty_database(request))
    found = backups.bring_back(there, file, secret, erased_of(settings))
    assert (found.files, found.files_in_backup) == (1, 2)
    migrate(there.database_url)
    restored = open_database(there.database_url)
    assert names(restored) == ["Ann Invented"]
    with restored.read() as session:
        assert session.scalars(select(SignIn)).all() == session.scalars(select(ProviderAttempt)).all() == []
    assert keyring.settle(restored, there)
    with open_store(there).open(clinic["Ann Invented"][1]) as content:
        assert content.read() == clinic["Ann Invented"][1].encode()
    restored.close()
    assert sorted(path.name for path in there.data_dir.iterdir() if path.name not in ("clinic.db", LOCK)) == ["media"]


def empty_database(request):
    """Return the URL of an empty database on the test's server."""
    from tests import postgresql

    request.getfixturevalue("administer")("DROP DATABASE IF EXISTS restored WITH (FORCE)")
    request.getfixturevalue("administer")("CREATE DATABASE restored")
    return postgresql.url_of(request.getfixturevalue("postgresql_server"), "restored")


def test_a_database_that_was_only_started_is_filled(db, settings, clinic, folder, tmp_path, request):
    """A start that is refused for its key folder leaves tables and no clinic: that is empty enough for a restore."""
    if settings.database_url.startswith("sqlite"):
        pytest.skip("a restore replaces a SQLite file")
    file, _ = backups.make(settings, folder, backups.own_secret(settings, make=True), KEEP)
    there = replace(settings, database_url=empty_database(request), data_dir=tmp_path / "new")
    there.data_dir.mkdir()
    migrate(there.database_url)
    restored = open_database(there.database_url)
    with pytest.raises(FerError, match=r"restore its backup"):
        keyring.settle(restored, there)
    backups.bring_back(there, file, backups.own_secret(settings), [])
    assert len(names(restored)) == 2
    restored.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestOnSqlite:
    """What does not depend on the kind of database."""

    def test_the_oldest_go_and_other_files_stay(self, db, settings, clinic, folder, monkeypatch):
        folder.mkdir()
        (folder / "notes.backup").touch()
        secret, first = backups.own_secret(settings, make=True), datetime(2026, 3, 1, 2, tzinfo=UTC)
        for day in range(4):
            monkeypatch.setattr(clock, "now", lambda day=day: first + timedelta(days=day))
            backups.make(settings, folder, secret, keep=2)
        kept = [path.name for path in daily.kept(folder)]
        assert kept == [f"expression-history-2026030{day}T020000Z.backup" for day in (3, 4)]
        assert daily.made_at(folder / kept[-1]) == first + timedelta(days=3)
        assert (folder / "notes.backup").exists()
        assert {path.stat().st_mode & 0o077 for path in daily.kept(folder)} == {0}

    def test_a_name_without_a_possible_time_is_no_daily_backup(self, settings, folder):
        """Somebody's copy of the 99th day failed `doctor`, and the figures for monitoring."""
        folder.mkdir()
        (folder / "expression-history-20261399T250000Z.backup").touch()
        (folder / "expression-history-2026112T030000Z.backup").touch()
        assert daily.newest(folder, clock.now()) is None
        assert daily.prune(folder, 1, folder / daily.name_at(clock.now())) == []

    def test_a_backup_of_a_day_with_a_wrong_clock_takes_no_other_s_place(self, db, settings, clinic, folder):
        """One that was dated 2037 was the newest for ever, and the one just made was deleted."""
        secret = backups.own_secret(settings, make=True)
        folder.mkdir()
        wrong = folder / "expression-history-20371126T190503Z.backup"
        wrong.touch()
        file, _ = backups.make(settings, folder, secret, keep=1)
        assert daily.kept(folder) == [file, wrong]
        assert daily.newest(folder, clock.now()) == file

    def test_of_two_that_are_made_at_once_both_are_whole(self, db, settings, clinic, folder, monkeypatch):
        """The timer and a user: both wrote into one file, and later the second failed, and alarmed."""
        secret, moment = backups.own_secret(settings, make=True), datetime(2026, 3, 1, 2, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: moment)
        found, write, other = [], archive._write, []

        def write_beside(*arguments):
            if not other:
                other.append(True)
                with monkeypatch.context() as as_another_process:
                    as_another_process.setattr(os, "getpid", lambda: 1)
                    found.append(backups.make(settings, folder, secret, KEEP)[0])
            return write(*arguments)

        monkeypatch.setattr(archive, "_write", write_beside)
        found.append(backups.make(settings, folder, secret, KEEP)[0])
        assert daily.kept(folder) == sorted(found) == sorted(folder.iterdir())
        assert len(set(found)) == 2

    def test_what_killed_backups_left_is_named_and_deleted_by_the_next(self, db, settings, clinic, folder):
        """A backup that is killed each night filled the disk, one readable database a night."""
        secret, data = backups.own_secret(settings, make=True), settings.data_dir
        there = replace(settings, backup_dir=folder)
        kill_while_writing(there)
        (data / "restore-check-0123abcd" / "data").mkdir(parents=True)
        (folder / "expression-history-20260101T020000Z.backup.part").touch()
        stays = [data / "clinic.db.before-0042", data / "clinic.db.before-restore-20260101T020000Z", folder / "my.part"]
        for path in stays:
            path.touch()
        left = [
            *data.glob("clinic.db.before-backup-*"),
            data / "restore-check-0123abcd",
            *folder.glob("*.backup*.part"),
        ]
        assert len(left) >= 4
        said = left_copies(there)
        assert said.level is Level.WARNING
        assert all(str(path) in said.sentence for path in left)
        assert not any(str(path) in said.sentence for path in stays)
        with leftovers.copying(data):
            assert not any(str(path) in left_copies(there).sentence for path in left if path.parent == data)
        backups.make(settings, folder, secret, keep=1)
        assert [path for path in left if path.exists()] == []
        assert all(path.exists() for path in stays)
        assert left_copies(there).level is Level.OK

    def test_two_drills_at_once_leave_each_other_alone(self, db, settings, clinic, folder, monkeypatch):
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)
        monkeypatch.setattr(backups, "_start", lambda there: 1.0)
        first = backups.drill(settings, file, secret, [])
        next(first)
        assert len(list(backups.drill(settings, file, secret, []))) == len(list(first)) + 1
        assert left_beside(settings) == []

    def test_a_backup_that_fails_deletes_none(self, db, settings, clinic, folder):
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, 1)
        Path(settings.data_dir / "clinic.db").write_bytes(b"damaged" * 1000)
        with pytest.raises(FerError):
            backups.make(settings, folder, secret, 1)
        assert daily.kept(folder) == [file]

    @pytest.mark.parametrize("store", ["empty", "not there"])
    def test_a_backup_without_files_that_wait_says_so_and_deletes_none(
        self, db, settings, clinic, folder, tmp_path, store
    ):
        """A share that was not mounted: each night such a backup took the place of a good one, and nobody heard."""
        secret = backups.own_secret(settings, make=True)
        good, _ = backups.make(settings, folder, secret, keep=1)
        with db.session() as session:
            session.execute(update(Job).values(state=JobState.QUEUED.value))
        elsewhere = tmp_path / "share"
        if store == "empty":
            elsewhere.mkdir()
        with pytest.raises(FerError, match=r"2 files that analyses wait for.*FER_MEDIA_URL.*mounted") as refusal:
            backups.make(replace(settings, media_url=str(elsewhere)), folder, secret, keep=1)
        assert refusal.value.code == "files_missing"
        [first, made] = daily.kept(folder)
        assert first == good
        assert str(made) in refusal.value.message
        again, manifest = backups.make(settings, folder, secret, keep=1)
        assert (daily.kept(folder), len(manifest.media)) == ([again], 2)

    def test_a_drill_says_when_the_key_is_another(self, db, settings, clinic, folder, no_pages):
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)
        other = replace(settings, master_key=bytes(range(32)))
        with pytest.raises(FerError) as refusal:
            list(backups.drill(other, file, secret, []))
        assert refusal.value.code == "key_of_backup"
        assert left_beside(settings) == []

    def test_another_clinic_s_backup_is_refused_before_anything_changes(self, db, settings, clinic, folder, no_pages):
        secret = backups.own_secret(settings, make=True)
        key_folder.mark(db, settings)
        file, _ = backups.make(settings, folder, secret, KEEP)
        key_folder.path_of(settings).write_text("another clinic's")
        before = names(db)
        with db.session() as session:
            session.execute(update(Patient).values(note="written since"))
        for restore in (backups.bring_back, lambda *given: list(backups.drill(*given))):
            with pytest.raises(FerError) as refusal:
                restore(settings, file, secret, [])
            assert refusal.value.code == "other_clinic"
        assert names(db) == before
        with db.read() as session:
            assert set(session.scalars(select(Patient.note))) == {"written since"}

    def test_a_backup_of_before_a_change_of_the_key_comes_back(self, db, settings, who, clinic, folder):
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)
        kept = rotation.rotate(db, settings).kept
        backups.bring_back(settings, file, secret, [])
        with pytest.raises(FerError) as refusal:
            keyring.settle(db, settings)
        assert refusal.value.code == "master_key_wrong"
        assert rotation.adopt(db, settings, kept).lost == 0
        assert keyring.settle(db, settings) == keys.require(settings)
        with open_store(settings).open(clinic["Ann Invented"][1]) as content:
            assert content.read()

    def test_a_drill_of_a_backup_of_before_a_change_of_the_key(self, db, settings, clinic, folder, no_pages):
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)
        kept = rotation.rotate(db, settings).kept
        reported = list(backups.drill(settings, file, secret, []))
        assert "The installed master key opens what the older one sealed." in reported
        assert "Files of recordings that open with the key: 2." in reported
        elsewhere = kept.rename(kept.with_name("elsewhere"))
        with pytest.raises(FerError) as refusal:
            list(backups.drill(settings, file, secret, []))
        assert refusal.value.code == "key_of_backup"
        assert list(backups.drill(settings, file, secret, [], elsewhere))[:4] == reported[:4]
        assert keyring.settle(db, settings) == keys.require(settings)
        assert left_beside(settings) == []

    def test_a_restore_that_fails_leaves_the_files_as_they_were(self, db, settings, who, clinic, folder, monkeypatch):
        """The disk filled up: the database stayed, and its files had been replaced by those of an older key."""
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)
        rotation.rotate(db, settings)

        def full(*_arguments):
            raise CopyError("The database can't be replaced. Please check the space on the disk.")

        monkeypatch.setattr("backup.restoring.restore", full)
        with pytest.raises(CopyError):
            backups.bring_back(settings, file, secret, [])
        for name in clinic:
            with open_store(settings).open(clinic[name][1]) as content:
                assert content.read()

    @pytest.mark.parametrize("fault", ["backup.restoring.restore", "backup.attached.adopt"])
    def test_a_restore_on_a_full_disk_leaves_no_file(self, settings, clinic, folder, monkeypatch, fault):
        """It took the room of the next attempt."""
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)
        store, (lost, kept) = open_store(settings), [found[1] for found in clinic.values()]
        store.delete(lost)
        half = store.folder / f"{lost}.part"

        def full(*_arguments):
            half.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(fault, full)
            with pytest.raises(OSError, match="No space"):
                backups.bring_back(settings, file, secret, [])
        assert {path.name for path in store.folder.iterdir()} == {kept}
        assert backups.bring_back(settings, file, secret, []).files == 2

    def test_a_disk_that_fills_up_after_the_database_was_restored_says_so(self, settings, clinic, folder, monkeypatch):
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)

        def full(*_arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("backup.attached.adopt", full)
        with pytest.raises(DiskFullError, match="The database and the missing files are restored"):
            backups.bring_back(settings, file, secret, [])

    def test_a_drill_notices_an_erased_patient_who_is_back(self, db, settings, who, clinic, folder, no_pages):
        secret = backups.own_secret(settings, make=True)
        file, _ = backups.make(settings, folder, secret, KEEP)
        erase(db, settings, who, clinic)
        erased = erased_of(settings)
        assert backups._erased_are_gone(db, erased)
        backups.bring_back(settings, file, secret, [])
        with pytest.raises(FerError) as refusal:
            backups._erased_are_gone(db, erased)
        assert refusal.value.code == "erased_is_back"

    def test_without_its_key_a_backup_says_what_is_missing(self, settings):
        with pytest.raises(FerError, match=r"backup\.key") as refusal:
            backups.own_secret(settings)
        assert refusal.value.code == "no_backup_key"
        assert backups.own_secret(settings, make=True) == backups.own_secret(settings) != Secret()
