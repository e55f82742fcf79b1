"""A media store that is not there: analyses, imports and uploads wait for it, and nothing is deleted or failed."""

import os
import threading
import time
from datetime import date
from pathlib import Path

import pytest

from clinic.admin import key_folder
from clinic.jobs import control, jobs, leases, obstacles, progress
from clinic.patients.states import State, Tone
from clinic.recordings import incoming, stored_files, uploads
from clinic.worker import analysis, store_watch, worker
from clinic.worker_health import read_health
from db.models import Job, JobState
from fer_core.errors import FerError, MediaError, ModelError
from storage import placing
from tests.clinic.fakes import FakeAnalyzer, eventually


@pytest.fixture
def queued(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    return jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="fake-model").recording_id


@pytest.fixture
def working(settings, db, monkeypatch):
    """Return a function that starts a worker in a thread; it is ended with the test."""
    monkeypatch.setattr(store_watch, "STORE_EVERY_S", 0.02)
    started = []

    def start(analyzer):
        one = worker.Worker(settings, db, lambda: analyzer, report_every_s=0.0)
        thread = threading.Thread(target=one.run, daemon=True)
        thread.start()
        started.append((one, thread))

    yield start
    for one, thread in started:
        one.stop()
        thread.join(20)


@pytest.fixture
def run(db, settings):
    def work(analyzer):
        claimed = leases.claim(db)
        return analysis.run(db, settings, claimed, lambda: analyzer, analysis.Reporter(db, claimed, every_s=0))

    return work


def stored_job(db):
    with db.read() as session:
        return session.query(Job).one()


def test_a_worker_waits_for_the_store_says_so_and_goes_on(db, settings, who, queued, unmount, working):
    away, back = unmount
    away()
    working(FakeAnalyzer([[(0,)] * 3]))
    eventually(lambda: (health := read_health(settings)) is not None and health.store_away)
    status, _ = progress.watch(db, settings, who, queued)
    assert (status.standing.state, status.standing.tone) == (State.WAITING, Tone.ATTENTION)
    assert obstacles.STORE_AWAY in status.standing.sentence
    assert read_health(settings).sound is None, "the self-test would write to another disk"
    assert list(Path(settings.media_url).iterdir()) == []
    back()
    eventually(lambda: progress.status(db, who, queued).finished)
    found = stored_job(db)
    assert (found.state, found.attempts, found.error_code) == (JobState.DONE.value, 1, None)
    eventually(lambda: read_health(settings).sound is not None and not read_health(settings).store_away)
    assert obstacles.obstacle(settings) is None


def test_a_store_that_goes_in_the_middle_of_an_analysis_fails_nothing(db, settings, who, queued, unmount, run):
    away, back = unmount
    assert run(FakeAnalyzer([[(0,)], away, MediaError("The video can't be read.", "unreadable_file")])) is False
    assert (stored_job(db).state, stored_job(db).attempts) == (JobState.QUEUED.value, 0)
    back()
    assert run(FakeAnalyzer([[(0,)], [(0,)]])) is True
    assert progress.status(db, who, queued).state is JobState.DONE


def test_a_machine_that_does_not_find_the_file_costs_nobody_the_file(db, settings, queued, run):
    """Its share is not mounted; here the file is."""
    files = leases.next_files(db)
    assert run(FakeAnalyzer([FerError("The uploaded file does not exist any more.", "upload_gone")])) is False
    assert stored_job(db).state == JobState.QUEUED.value
    assert uploads.stored(settings, files)


def test_a_file_that_is_lost_beside_others_is_asked_for(db, settings, patient, an_upload, who, queued, run):
    other = an_upload("video")
    jobs.enqueue(db, settings, who, patient, [other], date(2026, 1, 2), model_sha256="fake-model")
    uploads.discard(settings, leases.next_files(db))
    assert run(FakeAnalyzer([[(0,)]])) is True
    assert progress.status(db, who, queued).error_code == "upload_gone"


def test_nothing_is_asked_of_the_store_where_the_next_file_is_there(db, settings, queued, monkeypatch):
    monkeypatch.setattr(stored_files, "expected", lambda *_: pytest.fail("each analysis would list all files"))
    with db.read() as session:
        assert not stored_files.is_away(session, settings, leases.next_files(db))


@pytest.mark.parametrize("error", [OSError("stale file handle"), PermissionError(13, "no"), RuntimeError("no route")])
def test_a_store_that_does_not_answer_is_not_there(db, settings, queued, unmount, monkeypatch, error):
    unmount[0]()

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(placing.LocalFileSystem, "ls", refuse)
    with db.read() as session:
        assert stored_files.is_away(session, settings, leases.next_files(db))


def test_the_files_of_another_clinic_are_not_swept(db, settings, queued, unmount, an_upload):
    """The address of the store is mistyped, and names another clinic's folder."""
    unmount[0]()
    foreign = an_upload("video").path
    long_ago = time.time() - 25 * 3600
    os.utime(foreign, (long_ago, long_ago))
    with pytest.raises(FerError) as refusal:
        uploads.sweep(settings, db)
    assert refusal.value.code == stored_files.CODE_AWAY
    assert foreign.exists()


def test_an_upload_is_refused_before_its_first_byte(db, settings, who, queued, unmount):
    away, back = unmount
    away()
    with pytest.raises(FerError, match="can't be reached"):
        incoming.begin(db, settings, who, 100)
    back()
    assert incoming.begin(db, settings, who, 100)


def test_a_first_upload_needs_no_store(db, settings, who):
    assert not Path(settings.media_url).exists()
    assert incoming.begin(db, settings, who, 100)


def test_trying_again_says_that_the_store_is_not_there(db, settings, patient, an_upload, who, queued, unmount, run):
    jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 1, 2), model_sha256="fake-model")
    run(FakeAnalyzer([ModelError("The model is missing.", "no_model")]))
    away, back = unmount
    away()
    assert control.can_retry(db, settings, who, queued)
    with pytest.raises(FerError, match="can't be reached") as refusal:
        control.retry(db, settings, who, queued)
    assert refusal.value.code == stored_files.CODE_AWAY
    back()
    control.retry(db, settings, who, queued)
    assert progress.status(db, who, queued).state is JobState.QUEUED


def test_an_archive_waits_too(db, settings, queued, unmount, monkeypatch):
    unmount[0]()
    monkeypatch.setattr(worker.import_queue, "anything_waits", lambda _: True)
    monkeypatch.setattr(worker.imports, "work_once", lambda *_: pytest.fail("its files would go to another disk"))
    assert worker.Worker(settings, db, FakeAnalyzer).work_once() is False


def test_it_is_reported_also_while_nothing_waits(db, settings, unmount, monkeypatch):
    """Uploads are refused, so that nothing ever would."""
    key_folder.mark(db, settings)
    uploads.check_quota(db, settings, 1)
    away, back = unmount
    monkeypatch.setattr(store_watch, "IDLE_EVERY_S", 0.0)
    monkeypatch.setattr(store_watch, "STORE_EVERY_S", 0.0)
    one = worker.Worker(settings, db, FakeAnalyzer)
    away()
    assert one.work_once() is False
    assert read_health(settings).store_away
    back()
    assert one.work_once() is False
    assert not read_health(settings).store_away


def test_a_job_that_is_cancelled_meanwhile_ends_the_waiting(db, settings, who, queued, unmount, monkeypatch):
    monkeypatch.setattr(store_watch, "STORE_EVERY_S", 0.0)
    unmount[0]()
    one = worker.Worker(settings, db, FakeAnalyzer)
    assert one.work_once() is False
    assert read_health(settings).store_away
    control.cancel(db, settings, who, queued)
    assert one.work_once() is False
    assert not read_health(settings).store_away
