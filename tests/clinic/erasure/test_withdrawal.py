"""Withdrawing consent: a real worker stops within 5 s, and what was covered leaves no byte."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from backup import erasures
from clinic import clock
from clinic.conflicts import ConflictError
from clinic.consent import consent, giving
from clinic.consent.consent import ConsentState, Scope
from clinic.erasure import deletion, withdrawal
from clinic.erasure.withdrawal import Covered
from clinic.exchange import downloads
from clinic.jobs import control, jobs, leases, previews, progress
from clinic.patients import caseload
from clinic.worker import analysis
from db.models import AuditRow, Job, JobState, PatientImport, Recording, Sample
from db.room import DiskFullError
from fer_core.errors import FerError
from pages.widgets import sentence_of
from tests.clinic.fakes import FakeAnalyzer, eventually
from tests.clinic.worker.test_worker import PROCESS
from tests.consents import change, revoke

ROOT = Path(__file__).parents[3]
DAY = date(2026, 5, 4)
SECRET = "Zauberberg"


@pytest.fixture
def settings(settings):
    return replace(settings, keep_files=True)


def enqueue(db, settings, who, patient, upload, day=DAY):
    asked = jobs.enqueue(db, settings, who, patient, [upload], day, f"about {SECRET}", model_sha256="fake-model")
    return asked.recording_id


def run(db, settings, script):
    claimed = leases.claim(db)
    analysis.run(db, settings, claimed, lambda: FakeAnalyzer(script), analysis.Reporter(db, claimed))


@pytest.fixture
def visits(db, settings, who, patient, an_upload):
    """Of one patient: a recording with results and a kept video, one that failed, one that waits."""
    files = {name: an_upload() for name in ("done", "failed", "queued")}
    found = {"done": enqueue(db, settings, who, patient, files["done"])}
    run(db, settings, [[(0,)] * 5])
    found["failed"] = enqueue(db, settings, who, patient, files["failed"])
    leases.fail(db, leases.claim(db), "internal_error", "It failed.")
    found["queued"] = enqueue(db, settings, who, patient, files["queued"])
    return found, {name: upload.path for name, upload in files.items()}


def there(paths):
    return {name for name, path in paths.items() if path.exists()}


def state_of(db, who, recording_id):
    return progress.status(db, who, recording_id).state


def test_withdrawing_the_analysis_ends_what_is_open_and_keeps_results(db, settings, who, patient, visits):
    found, paths = visits
    assert withdrawal.covered(db, settings, who, patient, [Scope.ANALYSE]) == Covered(1, 1, 0)
    assert withdrawal.withdraw(db, settings, who, patient, [Scope.ANALYSE]) == Covered(1, 1, 0)
    assert state_of(db, who, found["queued"]) is JobState.CANCELLED
    assert there(paths) == {"done"}
    assert len(caseload.samples(db, who, found["done"])) == 5
    with pytest.raises(FerError) as refusal:
        control.retry(db, settings, who, found["failed"])
    assert refusal.value.code == "consent_withdrawn"


def test_withdrawing_the_video_deletes_it_and_keeps_results(db, settings, who, patient, visits):
    found, paths = visits
    assert withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_VIDEO]) == Covered(0, 1, 0)
    assert there(paths) == {"failed", "queued"}
    assert len(caseload.samples(db, who, found["done"])) == 5
    run(db, settings, [[(0,)]])
    assert state_of(db, who, found["queued"]) is JobState.DONE
    assert there(paths) == {"failed"}, "a later analysis keeps nothing either"


def test_withdrawing_the_results_leaves_no_byte_of_them(db, settings, who, patient, visits):
    found, paths = visits
    previews.write_preview(settings, found["queued"], 0.0, np.zeros((9, 16, 3), np.uint8), [])
    assert withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_RESULTS]) == Covered(1, 0, 3)
    assert there(paths) == set()
    shown = caseload.get_patient(db, who, patient)
    assert shown.recordings == ()
    assert "was withdrawn" in shown.closed
    with db.read() as session:
        assert session.scalars(select(Sample)).all() == session.scalars(select(Recording)).all() == []
    assert {one.erased_id for one in erasures.known(settings.erasures_path)} >= set(found.values())
    if db.engine.dialect.name == "sqlite":
        files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
        assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    assert list((settings.data_dir / "media").iterdir()) == list((settings.data_dir / "work").iterdir()) == []


def test_withdrawing_the_export_stops_exports_alone(db, settings, who, patient, visits):
    found, paths = visits
    control.cancel(db, settings, who, found["queued"])
    ticket = downloads.prepare(db, settings, who, patient)
    assert withdrawal.withdraw(db, settings, who, patient, [Scope.EXPORT]) == withdrawal.NOTHING
    with pytest.raises(FerError):
        downloads.take(db, settings, who, ticket)
    with pytest.raises(FerError) as refusal:
        downloads.prepare(db, settings, who, patient)
    assert refusal.value.code == "consent_withdrawn"
    assert there(paths) == {"done", "failed"}


def test_everything_at_once_is_reported_before_and_written_down(db, settings, who, patient, visits):
    seen_counts = withdrawal.covered(db, settings, who, patient, tuple(Scope))
    assert seen_counts == Covered(analyses=1, files=2, recordings=3)
    assert withdrawal.withdraw(db, settings, who, patient, tuple(Scope)) == seen_counts
    assert {standing.state for standing in consent.standings(db, who, patient)} == {ConsentState.WITHDRAWN}
    assert {standing.withdrawn_by for standing in consent.history(db, who, patient)} == {who.name}
    with db.read() as session:
        row = session.scalar(select(AuditRow).where(AuditRow.action == "consent_withdrawn"))
    assert (row.account_id, row.patient_id, row.details) == (who.account_id, patient, {"scopes": sorted(Scope)})
    assert [listed.id for listed in caseload.list_patients(db, who)] == [patient], "the patient stays"
    assert withdrawal.covered(db, settings, who, patient, tuple(Scope)) == withdrawal.NOTHING


def test_another_patient_s_recordings_stay(db, settings, who, patient, visits):
    other = caseload.add_patient(db, who, "Somebody Else")
    withdrawal.withdraw(db, settings, who, other, tuple(Scope))
    assert len(caseload.get_patient(db, who, patient).recordings) == 3
    assert there(visits[1]) == {"done", "failed", "queued"}


def test_a_withdrawal_that_was_interrupted_is_finished(db, settings, who, patient, visits):
    assert withdrawal.finish(db, settings) == 0
    revoke(db, patient, Scope.KEEP_VIDEO, Scope.ANALYSE)
    assert there(visits[1]) == {"done", "failed", "queued"}
    assert withdrawal.finish(db, settings) == 2
    assert there(visits[1]) == set()
    assert withdrawal.finish(db, settings) == 0
    assert len(caseload.samples(db, who, visits[0]["done"])) == 5


def test_a_patient_who_is_still_being_imported_is_left_alone(db, settings, who, patient, visits):
    revoke(db, patient)
    with db.session() as session:
        coming = PatientImport(patient_id=patient, state=JobState.RUNNING.value, created_at=clock.now())
        session.add(coming)
        session.flush()
        import_id = coming.id
    assert withdrawal.finish(db, settings) == 0
    assert there(visits[1]) == {"done", "failed", "queued"}
    with db.session() as session:
        session.get_one(PatientImport, import_id).state = JobState.DONE.value
    assert withdrawal.finish(db, settings) > 0
    assert there(visits[1]) == set()


def test_a_consent_that_a_backup_brought_back_is_withdrawn_again(db, settings, who, patient, visits):
    withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_VIDEO])
    change(db, patient, [Scope.KEEP_VIDEO], withdrawn_at=None, withdrawn_by=None)
    assert consent.objection(db, who, patient, Scope.KEEP_VIDEO) is None
    withdrawal.finish(db, settings)
    assert consent.objection(db, who, patient, Scope.KEEP_VIDEO).code == "consent_withdrawn"
    assert consent.objection(db, who, patient, Scope.ANALYSE) is None


def to_no_room(path):
    path.symlink_to("/dev/full")


@pytest.mark.parametrize(
    ("stop", "cause"), [(to_no_room, "The disk of this installation is full."), (Path.mkdir, "FER_KEY_DIR")]
)
def test_a_withdrawal_that_cannot_be_written_down_says_that_the_consent_stands(
    db, settings, who, patient, visits, stop, cause
):
    stop(settings.erasures_path)
    with pytest.raises(FerError) as refusal:
        withdrawal.withdraw(db, settings, who, patient, list(Scope))
    said = sentence_of(refusal.value)
    assert cause in said
    assert said.endswith(withdrawal.STANDS)
    assert consent.objection(db, who, patient, Scope.ANALYSE) is None
    assert there(visits[1]) == {"done", "failed", "queued"}


def test_a_disk_that_fills_up_after_the_withdrawal_does_not_say_that_the_consent_stands(
    db, settings, who, patient, visits, monkeypatch
):
    def refuse(*_):
        raise DiskFullError

    with monkeypatch.context() as patch:
        patch.setattr(withdrawal.uploads, "discard", refuse)
        with pytest.raises(DiskFullError) as refusal:
            withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_VIDEO])
    assert refusal.value.message.endswith(withdrawal.WITHDRAWN)
    assert consent.objection(db, who, patient, Scope.KEEP_VIDEO).code == "consent_withdrawn"
    assert withdrawal.finish(db, settings) > 0
    assert "done" not in there(visits[1])


def test_what_a_new_consent_covers_is_not_finished_off(db, settings, who, patient, visits):
    revoke(db, patient)
    giving.record(db, who, patient, list(Scope), DAY)
    assert withdrawal.finish(db, settings) == 0
    assert there(visits[1]) == {"done", "failed", "queued"}


def test_a_kept_video_that_is_looked_at_again_is_let_go(db, settings, who, patient, an_upload):
    upload = an_upload()
    first = enqueue(db, settings, who, patient, upload)
    run(db, settings, [[(0,)]])
    with db.session() as session:
        old = session.get_one(Recording, first)
        same = {"patient_id": patient, "kind": "video", "recorded_on": DAY, "created_at": old.created_at}
        version = Recording(version_of=first, current=False, **same)
        version.job = Job(sources=old.job.sources, created_at=old.created_at)
        session.add(version)
        session.flush()
        again = version.id
    assert withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_VIDEO]) == Covered(1, 1, 0)
    assert state_of(db, who, again) is JobState.CANCELLED
    assert state_of(db, who, first) is JobState.DONE
    assert not upload.path.exists()


@pytest.mark.parametrize("scopes", [[Scope.ANALYSE], tuple(Scope)], ids=["analysis", "everything"])
def test_a_real_worker_stops_within_five_seconds_and_leaves_nothing(db, settings, who, patient, an_upload, scopes):
    upload = an_upload()
    running = enqueue(db, settings, who, patient, upload)
    environment = os.environ | {"FER_DATA_DIR": str(settings.data_dir), "FER_DATABASE_URL": settings.database_url}
    child = subprocess.Popen([sys.executable, "-c", PROCESS], cwd=ROOT, env=environment)
    try:
        eventually(lambda: (settings.data_dir / "reached").exists())
        with db.read() as session:
            assert session.scalars(select(Sample)).all(), "a chunk is written already"
        begun = time.monotonic()
        withdrawal.withdraw(db, settings, who, patient, scopes)
        eventually(lambda: no_longer_running(db, who, running) and not upload.path.exists(), within_s=5.0)
        assert time.monotonic() - begun < 5.0
        with db.read() as session:
            assert session.scalars(select(Sample)).all() == []
        eventually(lambda: not previews.work_dir(settings, running).exists(), within_s=5.0)
    finally:
        child.kill()
        child.wait()


def no_longer_running(db, who, recording_id):
    seen_counts = progress.status(db, who, recording_id)
    return seen_counts is None or seen_counts.state is JobState.CANCELLED


def test_what_comes_in_after_it_was_reported_refuses_the_withdrawal(db, settings, who, patient, visits, an_upload):
    seen_counts = withdrawal.covered(db, settings, who, patient, [Scope.KEEP_RESULTS])
    enqueue(db, settings, who, patient, an_upload())
    with pytest.raises(ConflictError):
        withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_RESULTS], seen_counts=seen_counts)
    with db.read() as session:
        assert consent.missing(session, patient, Scope.KEEP_RESULTS) is None
    assert len(caseload.get_patient(db, who, patient).recordings) == 4
    seen_counts = withdrawal.covered(db, settings, who, patient, [Scope.KEEP_RESULTS])
    assert withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_RESULTS], seen_counts=seen_counts) == seen_counts
    assert caseload.get_patient(db, who, patient).recordings == ()


def test_of_as_many_recordings_others_are_not_what_was_reported(db, settings, who, patient, visits, an_upload):
    seen_counts = withdrawal.covered(db, settings, who, patient, [Scope.KEEP_RESULTS])
    deletion.delete_recording(db, settings, who, visits[0]["queued"])
    enqueue(db, settings, who, patient, an_upload())
    now = withdrawal.covered(db, settings, who, patient, [Scope.KEEP_RESULTS])
    assert (now.analyses, now.files, now.recordings) == (
        seen_counts.analyses,
        seen_counts.files,
        seen_counts.recordings,
    )
    with pytest.raises(ConflictError):
        withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_RESULTS], seen_counts=seen_counts)
