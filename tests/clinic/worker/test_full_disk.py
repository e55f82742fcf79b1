"""A full disk: the worker waits and goes on, its guard survives, and reading needs no room."""

import errno
import threading
from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from clinic import audit, clock
from clinic.accounts import sessions
from clinic.jobs import chunks, jobs, obstacles, previews, progress
from clinic.patients import caseload
from clinic.patients.states import State, Tone
from clinic.worker import health_report, supervisor, worker
from clinic.worker_health import WorkerHealth, read_health, write_health
from db.models import Job, JobState, StoredChunk
from db.room import DiskFullError, disk_full
from db.sqlite import sqlite3
from tests import doors
from tests.clinic.fakes import FakeAnalyzer, eventually

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


def sqlite_is_full():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return OperationalError("INSERT", {}, error)


class FullDisk:
    """A disk that is full from the first write of a chunk until `free` was called."""

    def __init__(self, monkeypatch, error):
        self.full, self.met, self._write = True, threading.Event(), chunks.write
        self._error = error
        monkeypatch.setattr(chunks, "write", self.write)
        monkeypatch.setattr(obstacles, "has_room", lambda settings: not self.full)
        monkeypatch.setattr(worker, "has_room", lambda settings: not self.full)
        monkeypatch.setattr(worker, "LOOK_FOR_ROOM_EVERY_S", 0.02)

    def write(self, db, claimed, after, *arguments):
        if self.full and after.chunks:
            self.met.set()
            raise self._error
        return self._write(db, claimed, after, *arguments)

    def free(self):
        self.full = False


@pytest.fixture
def working(settings, db):
    """Return a function that starts a worker in a thread; it is ended with the test."""
    started = []

    def start(analyzer):
        one = worker.Worker(settings, db, lambda: analyzer, report_every_s=0.0)
        thread = threading.Thread(target=one.run, daemon=True)
        thread.start()
        started.append((one, thread))
        return thread

    yield start
    for one, thread in started:
        one.stop()
        thread.join(20)


@pytest.fixture
def queued(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    return jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="fake-model").recording_id


@pytest.mark.parametrize("error", [NO_ROOM, sqlite_is_full(), DiskFullError()], ids=["file", "database", "reported"])
def test_an_analysis_waits_for_room_and_goes_on(db, settings, who, queued, working, monkeypatch, error):
    disk = FullDisk(monkeypatch, error)
    thread = working(FakeAnalyzer([[(0,)] * 3, [(0,)] * 3]))
    assert disk.met.wait(20)
    status, _ = progress.watch(db, settings, who, queued)
    assert (status.standing.state, status.standing.tone) == (State.RUNNING, Tone.ATTENTION)
    assert obstacles.DISK_FULL in status.standing.sentence
    assert thread.is_alive()
    disk.free()
    eventually(lambda: progress.status(db, who, queued).finished)
    assert progress.status(db, who, queued).state is JobState.DONE
    with db.read() as session:
        job = session.scalar(select(Job))
        assert (job.attempts, job.error_code) == (1, None), "the try with the full disk doesn't count"
        tokens = list(session.scalars(select(StoredChunk.lease_token).order_by(StoredChunk.number)))
        assert tokens[0] < tokens[1], "what was written is not done again"


def test_a_preview_without_room_does_not_blame_the_program(db, settings, who, queued, working, monkeypatch):
    disk, write = FullDisk(monkeypatch, NO_ROOM), previews.write_preview

    def refuse(*arguments):
        if disk.full:
            disk.met.set()
            raise NO_ROOM
        write(*arguments)

    monkeypatch.setattr(previews, "write_preview", refuse)
    working(FakeAnalyzer([[(0,)] * 3]))
    assert disk.met.wait(20)
    disk.free()
    eventually(lambda: progress.status(db, who, queued).finished)
    assert progress.status(db, who, queued).state is JobState.DONE


def test_another_error_of_the_database_still_ends_the_worker(settings, db, monkeypatch):
    def broken(*_):
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(worker.leases, "release", broken)
    with pytest.raises(OperationalError):
        worker.Worker(settings, db, FakeAnalyzer).run()


def test_the_guard_survives_what_it_guards_and_sees_its_parent_go(settings, db, monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(worker, "HEALTH_EVERY_S", -1.0)
    monkeypatch.setattr(worker, "LAST_WORDS_S", 0.0)
    monkeypatch.setattr(worker.os, "_exit", lambda code: ended.set())
    said, here = [], worker.os.getppid()
    parent = [here]
    monkeypatch.setattr(worker.os, "getppid", lambda: parent[0])

    def refuse(*_):
        said.append(1)
        raise NO_ROOM

    monkeypatch.setattr(health_report, "write_health", refuse)
    guard = threading.Thread(target=worker.Worker(settings, db, FakeAnalyzer).watch, args=(here,), daemon=True)
    guard.start()
    eventually(lambda: len(said) >= 2)
    monkeypatch.setattr(health_report, "write_health", write_health)
    eventually(lambda: read_health(settings) is not None and read_health(settings).alive)
    parent[0] = here + 1
    assert ended.wait(20)
    guard.join(20)


def test_the_supervisor_survives_a_start_that_fails(settings, monkeypatch):
    tried, one = [], supervisor.Supervisor(settings, ["true"])

    def refuse():
        tried.append(1)
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(one, "_start", refuse)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 0.01)
    one.ensure()
    eventually(lambda: len(tried) >= 2)
    one.stop()


@pytest.fixture
def no_room_for_audit(monkeypatch):
    def refuse(*_, **__):
        raise sqlite_is_full()

    monkeypatch.setattr(audit, "write", refuse)


def test_a_view_that_can_not_be_audited_is_refused_in_a_sentence(db, who, patient, no_room_for_audit):
    with pytest.raises(DiskFullError) as refusal:
        caseload.get_patient(db, who, patient)
    assert "disk of this installation is full" in refusal.value.message


def test_what_was_audited_a_moment_ago_and_lists_open_without_room(db, who, patient, monkeypatch):
    caseload.get_patient(db, who, patient)
    monkeypatch.setattr(audit, "write", lambda *_, **__: pytest.fail("nothing is to be written"))
    assert caseload.get_patient(db, who, patient).name
    assert caseload.list_patients(db, who)


def test_activity_that_can_not_be_noted_keeps_nobody_out(db, who, monkeypatch):
    monkeypatch.setattr(sessions, "NOTED_EVERY", sessions.NOTED_EVERY * -1)

    def refuse(*_):
        raise sqlite_is_full()

    with monkeypatch.context() as patch:
        patch.setattr(sessions.clock, "within", refuse)
        sessions.note_activity(db, who)
    assert sessions.lives(db, who)


def test_a_database_without_room_says_so(db):
    """SQLite's own refusal, not a made one."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no such limit to set")
    doors.add_account(db)
    with db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def fill(session):
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        session.execute(text("CREATE TABLE filler AS SELECT randomblob(4000000) AS content"))

    with pytest.raises(DiskFullError), db.session() as session:
        fill(session)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (NO_ROOM, True),
        (OSError(errno.EDQUOT, "quota"), True),
        (OSError(errno.EACCES, "denied"), False),
        (sqlite_is_full(), True),
        (OperationalError("SELECT", {}, sqlite3.OperationalError("locked")), False),
        (ValueError("no"), False),
        (None, False),
    ],
    ids=str,
)
def test_want_of_room_is_distinguished_from_other_errors(error, full):
    assert disk_full(error) is full


def test_why_nothing_goes_on(settings, monkeypatch):
    assert obstacles.obstacle(settings) == obstacles.NO_WORKER
    write_health(settings, WorkerHealth(1, clock.now()), 2)
    assert obstacles.obstacle(settings) is None
    monkeypatch.setattr(obstacles, "ROOM_BYTES", 2**62)
    assert obstacles.obstacle(settings) == obstacles.DISK_FULL
