"""Jobs as the pages see them: enqueue, duplicates, status, cancel, retry."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from clinic.jobs import chunks, control, faces, jobs, leases, progress
from clinic.patients import caseload
from clinic.recordings import uploads
from db.models import Job, JobState, Recording
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard
from fer_core.types import FrameResult, Progress
from tests.consents import agree
from tests.doors import statements

DAY = date(2026, 3, 2)


def enqueue(db, settings, who, patient, *files, every_s=0.2, model="model-a"):
    return jobs.enqueue(db, settings, who, patient, list(files), DAY, "a note", every_s, model_sha256=model)


def row(db, recording_id):
    with db.read() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        session.expunge_all()
        return job


def test_enqueue_writes_recording_and_job(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    queued = enqueue(db, settings, who, patient, upload)
    assert not queued.duplicate
    with db.read() as session:
        recording = session.get_one(Recording, queued.recording_id)
        assert (recording.kind, recording.recorded_on, recording.note) == ("video", DAY, "a note")
        assert recording.source_sha256 == upload.sha256
        assert recording.settings == {"every_s": 0.2}
    job = row(db, queued.recording_id)
    assert [source["id"] for source in job.sources] == [upload.id]
    status = progress.status(db, who, queued.recording_id)
    assert (status.state, status.share, status.left_s, status.finished) == (JobState.QUEUED, None, None, False)


def test_a_recording_is_the_installation_s_model_s(db, settings, patient, an_upload, who, tmp_path):
    replace(ModelCard.load(), sha256="7" * 64).save(tmp_path / "own.json")
    own = replace(settings, model=tmp_path / "own.json")
    queued = jobs.enqueue(db, own, who, patient, [an_upload()], DAY)
    with db.read() as session:
        assert session.get_one(Recording, queued.recording_id).model_sha256 == "7" * 64


def test_status_of_nothing_is_none(db, who):
    assert progress.status(db, who, "0" * 32) is None


def test_what_a_page_asks_each_second_scans_no_table(db, settings, patient, an_upload, who):
    recording_id = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    with statements(db) as asked:
        found, preview = progress.watch(db, settings, who, recording_id)
    assert (found.state, preview) == (JobState.QUEUED, None)
    [(day, _), (statement, parameters)] = asked
    assert "FROM installation" in day, "the clinic's zone, one row"
    assert "job.cursor" not in statement, "it is long"
    if db.engine.dialect.name == "sqlite":
        with db.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        # The other steps are the names of the subqueries.
        reads = [step.detail for step in plan if not step.detail.startswith("CORRELATED SCALAR SUBQUERY")]
        assert len(reads) >= 4
        assert all(read.startswith("SEARCH") and "INDEX" in read for read in reads), plan


@pytest.mark.parametrize("kinds", [[], ["video", "video"], ["video", "image"]], ids=str)
def test_mixed_files_are_refused_and_deleted(db, settings, patient, an_upload, kinds, who):
    files = [an_upload(kind) for kind in kinds]
    with pytest.raises(FerError) as refusal:
        enqueue(db, settings, who, patient, *files)
    assert refusal.value.code == "mixed_files"
    assert not any(file.path.exists() for file in files)


def test_an_unknown_patient_is_refused(db, settings, an_upload, who):
    upload = an_upload("video")
    with pytest.raises(FerError) as refusal:
        enqueue(db, settings, who, "0" * 32, upload)
    assert refusal.value.code == "unknown_patient"
    assert not upload.path.exists()


def test_the_same_file_again_gives_the_stored_recording(db, settings, patient, an_upload, who):
    first, again = an_upload("video", b"same"), an_upload("video", b"same")
    stored = enqueue(db, settings, who, patient, first)
    found = enqueue(db, settings, who, patient, again)
    assert found == jobs.Enqueued(stored.recording_id, duplicate=True)
    assert first.path.exists()
    assert not again.path.exists()


def test_pictures_in_another_order_are_the_same(db, settings, patient, an_upload, who):
    contents = [b"one", b"two"]
    stored = enqueue(db, settings, who, patient, *(an_upload("image", content) for content in contents))
    again = enqueue(db, settings, who, patient, *(an_upload("image", content) for content in reversed(contents)))
    assert again.duplicate
    assert again.recording_id == stored.recording_id


@pytest.mark.parametrize("change", [{"every_s": 1.0}, {"model": "model-b"}], ids=str)
def test_other_settings_or_another_model_are_analysed_again(db, settings, patient, an_upload, change, who):
    enqueue(db, settings, who, patient, an_upload("video", b"same"))
    assert not enqueue(db, settings, who, patient, an_upload("video", b"same"), **change).duplicate


def test_the_same_visit_with_another_model_is_a_version_of_it(db, settings, patient, an_upload, who):
    first = enqueue(db, settings, who, patient, an_upload("video", b"same")).recording_id
    claimed = leases.claim(db)
    with leases.held(db, claimed) as session:
        leases.finish(session, claimed, JobState.DONE, 1)
    second = enqueue(db, settings, who, patient, an_upload("video", b"same"), model="model-b").recording_id
    with db.read() as session:
        version = session.get_one(Recording, second)
        assert (version.version_of, version.current) == (first, False)
        assert session.get_one(Recording, first).current, "until the new one is done"
        assert version.job.key == jobs.job_key(first, "model-b", {"every_s": 0.2})
    again = enqueue(db, settings, who, patient, an_upload("video", b"same"), model="model-b")
    assert again == jobs.Enqueued(second, duplicate=True)
    leases.fail(db, leases.claim(db), "internal_error", "It failed.")
    third = enqueue(db, settings, who, patient, an_upload("video", b"same"), model="model-b")
    assert not third.duplicate
    assert leases.claim(db).recording_id == third.recording_id


def test_a_failed_recording_is_no_duplicate(db, settings, patient, an_upload, who):
    enqueue(db, settings, who, patient, an_upload("video", b"same"))
    leases.fail(db, leases.claim(db), "damaged", "It is damaged.")
    assert not enqueue(db, settings, who, patient, an_upload("video", b"same")).duplicate


def test_the_same_file_for_another_patient_is_analysed_and_said(db, settings, patient, an_upload, who):
    other_id = caseload.add_patient(db, who, "Someone else")
    agree(db, other_id)
    enqueue(db, settings, who, patient, an_upload("video", b"same"))
    assert enqueue(db, settings, who, other_id, an_upload("video", b"same")) == jobs.Enqueued(
        recording_id=progress.active(db, settings, who)[1].status.recording_id, duplicate=False, also_elsewhere=True
    )


def test_pictures_pass_videos(db, settings, patient, an_upload, who):
    enqueue(db, settings, who, patient, an_upload("video"))
    pictures = enqueue(db, settings, who, patient, an_upload("image"), an_upload("image"))
    assert leases.claim(db).recording_id == pictures.recording_id


def test_time_left_follows_the_measured_pace(db, settings, patient, an_upload, who):
    recording_id = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    claimed = leases.claim(db)
    leases.progress(db, claimed, Progress(done_s=30.0, total_s=120.0, frames=150))
    assert progress.status(db, who, recording_id).left_s is None, "the pace of the first moments says nothing"
    with db.session() as session:
        session.get_one(Job, claimed.job_id).started_at = datetime.now(UTC) - timedelta(seconds=10)
    status = progress.status(db, who, recording_id)
    assert (status.state, status.share, status.frames) == (JobState.RUNNING, 0.25, 150)
    assert status.left_s == pytest.approx(30.0, abs=1.0)


def test_time_left_counts_what_this_worker_did_alone(db, settings, patient, an_upload, who):
    recording_id = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    claimed = leases.claim(db)
    chunks.write(db, claimed, chunks.Cursor({}), [FrameResult(0, 60.0)], {}, 1.0)
    leases.give_back(db, claimed)
    claimed = leases.claim(db)
    leases.progress(db, claimed, Progress(done_s=90.0, total_s=120.0, frames=2))
    with db.session() as session:
        session.get_one(Job, claimed.job_id).started_at = datetime.now(UTC) - timedelta(seconds=10)
    assert progress.status(db, who, recording_id).left_s == pytest.approx(10.0, abs=1.0)


def test_no_two_jobs_have_one_key(db, settings, patient, an_upload, who):
    enqueue(db, settings, who, patient, an_upload("video"))
    second = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    with db.read() as session:
        keys = list(session.scalars(select(Job.key)))
    assert len(set(keys)) == 2

    def again():
        with db.session() as session:
            session.scalar(select(Job).where(Job.recording_id == second)).key = keys[0]
            session.scalar(select(Job).where(Job.recording_id != second)).key = keys[0]

    with pytest.raises(IntegrityError):
        again()


@pytest.mark.parametrize(
    "other",
    [
        ("w", "m", {"every_s": 0.2}, [1]),
        ("v", "n", {"every_s": 0.2}, [1]),
        ("v", "m", {}, [1]),
        ("v", "m", {"every_s": 0.2}),
    ],
    ids=["visit", "model", "settings", "face"],
)
def test_a_key_depends_on_visit_model_settings_and_face(other):
    key = jobs.job_key("v", "m", {"every_s": 0.2}, [1])
    assert key == jobs.job_key("v", "m", {"every_s": 0.2, "detector": "what the analyzer added"}, [1])
    assert key != jobs.job_key(*other)


def test_active_lists_what_is_not_over(db, settings, patient, an_upload, who):
    first = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    second = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    leases.fail(db, leases.claim(db), "damaged", "It is damaged.")
    listed = progress.active(db, settings, who)
    assert [job.status.recording_id for job in listed] == [second]
    assert listed[0].subject.patient_id == patient
    assert progress.status(db, who, first).finished


def test_cancel_of_a_waiting_job_is_at_once(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    recording_id = enqueue(db, settings, who, patient, upload).recording_id
    control.cancel(db, settings, who, recording_id)
    assert progress.status(db, who, recording_id).state is JobState.CANCELLED
    assert not upload.path.exists()
    assert leases.claim(db) is None


def test_cancel_of_a_running_job_is_asked_for(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    recording_id = enqueue(db, settings, who, patient, upload).recording_id
    claimed = leases.claim(db)
    control.cancel(db, settings, who, recording_id)
    status = progress.status(db, who, recording_id)
    assert (status.state, status.cancel_requested) == (JobState.RUNNING, True)
    assert leases.progress(db, claimed, Progress(1.0, 2.0, 5)) is leases.ControlRequest.CANCEL


def test_cancel_after_the_end_changes_nothing(db, settings, patient, an_upload, who):
    recording_id = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    claimed = leases.claim(db)
    with leases.held(db, claimed) as session:
        leases.finish(session, claimed, JobState.DONE, 5)
    control.cancel(db, settings, who, recording_id)
    assert progress.status(db, who, recording_id).state is JobState.DONE


def test_retry_queues_a_failed_job_whose_file_is_kept(db, settings, patient, an_upload, who):
    recording_id = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    leases.fail(db, leases.claim(db), "internal_error", "It failed.")
    assert control.can_retry(db, settings, who, recording_id)
    control.retry(db, settings, who, recording_id)
    status = progress.status(db, who, recording_id)
    assert (status.state, status.error_code, status.error_message) == (JobState.QUEUED, None, None)
    assert leases.claim(db).recording_id == recording_id


def test_retry_without_the_file_asks_for_it(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    recording_id = enqueue(db, settings, who, patient, upload).recording_id
    leases.fail(db, leases.claim(db), "internal_error", "It failed.")
    uploads.discard(settings, [upload.id])
    assert not control.can_retry(db, settings, who, recording_id)
    with pytest.raises(FerError) as refusal:
        control.retry(db, settings, who, recording_id)
    assert refusal.value.code == "upload_gone"


def test_delete_files_leaves_none(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    recording_id = enqueue(db, settings, who, patient, upload).recording_id
    control.delete_files(db, settings, recording_id)
    assert not upload.path.exists()


def test_choosing_where_there_is_no_choice_is_refused(db, settings, patient, an_upload, who):
    recording_id = enqueue(db, settings, who, patient, an_upload("video")).recording_id
    with pytest.raises(FerError) as refusal:
        faces.choose_track(db, settings, who, recording_id, 0)
    assert refusal.value.code == "nothing_to_choose"


def test_upload_keeps_no_path_in_the_table(an_upload):
    assert set(an_upload("image").as_source()) == {"id", "name", "sha256", "size", "kind", "media_type", "begins_s"}
    assert replace(an_upload("image"), name="x").as_source()["name"] == "x"
