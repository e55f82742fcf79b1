"""Leases: one holder at a time, nobody writes after being given up for dead."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from clinic.jobs import chunks, control, jobs, leases, progress
from clinic.jobs.leases import LeaseLostError
from db.models import Job, JobState, Recording, Sample
from fer_core.types import FrameResult, Progress


@pytest.fixture
def queued(db, settings, patient, an_upload, who):
    return jobs.enqueue(db, settings, who, patient, [an_upload("video")], datetime.now(UTC).date(), model_sha256="m")


def expire(db, claimed):
    with db.session() as session:
        session.get_one(Job, claimed.job_id).lease_until = datetime.now(UTC) - timedelta(seconds=1)


def samples(db):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Sample))


def write(db, claimed, index):
    with leases.held(db, claimed) as session:
        session.add(Sample(recording_id=claimed.recording_id, frame_index=index, time_s=float(index)))


def test_a_job_is_claimed_once(db, queued):
    assert leases.claim(db).recording_id == queued.recording_id
    assert leases.claim(db) is None


def test_an_expired_lease_is_released_and_the_old_holder_is_fenced_off(db, queued):
    first = leases.claim(db)
    write(db, first, 0)
    expire(db, first)
    leases.release(db)
    second = leases.claim(db)
    assert second.token > first.token
    assert samples(db) == 0, "without a cursor the second try starts over"
    with pytest.raises(LeaseLostError):
        write(db, first, 1)
    with pytest.raises(LeaseLostError):
        leases.progress(db, first, Progress(1.0, 2.0, 3))
    with pytest.raises(LeaseLostError):
        leases.fail(db, first, "x", "y")
    with pytest.raises(LeaseLostError):
        chunks.write(db, first, chunks.Cursor({}), [FrameResult(1, 1.0)], {}, 0.1)
    assert samples(db) == 0
    write(db, second, 0)
    assert samples(db) == 1


def test_a_lease_that_is_renewed_is_not_released(db, queued, who):
    claimed = leases.claim(db)
    expire(db, claimed)
    leases.progress(db, claimed, Progress(1.0, 2.0, 3))
    leases.release(db)
    assert progress.status(db, who, queued.recording_id).state is JobState.RUNNING


def test_a_new_worker_releases_what_a_dead_one_held(db, queued):
    leases.claim(db)
    leases.release(db, worker="")
    assert leases.claim(db) is not None


@pytest.fixture
def no_back_off(monkeypatch):
    monkeypatch.setattr(leases, "BACK_OFF_S", (0.0, 0.0))


def die(db, claimed):
    expire(db, claimed)
    leases.release(db)


def test_after_three_tries_the_job_fails_with_a_reason(db, queued, no_back_off, who):
    for _ in range(leases.MAX_ATTEMPTS):
        die(db, leases.claim(db))
    status = progress.status(db, who, queued.recording_id)
    assert (status.state, status.error_code) == (JobState.FAILED, leases.LOST_CODE)
    assert status.error_message.endswith(".")


def test_a_second_death_makes_the_job_wait(db, queued):
    die(db, leases.claim(db))
    die(db, leases.claim(db))
    assert leases.claim(db) is None
    assert leases.next_files(db) is None
    with db.session() as session:
        job = session.scalar(select(Job))
        wait_s = (job.not_before - datetime.now(UTC)).total_seconds()
        job.not_before = datetime.now(UTC)
    assert wait_s == pytest.approx(leases.BACK_OFF_S[1], abs=2)
    assert leases.claim(db) is not None


def test_each_chunk_has_its_own_three_tries(db, queued, no_back_off, who):
    cursor = chunks.Cursor({})
    for number in range(5):
        die(db, leases.claim(db))
        claimed = leases.claim(db)
        cursor = chunks.write(db, claimed, cursor, [FrameResult(number, float(number))], {}, 0.1)
        die(db, claimed)
    assert progress.status(db, who, queued.recording_id).state is JobState.QUEUED
    assert samples(db) == 5


def test_a_higher_priority_may_be_asked_for(db, settings, patient, an_upload, queued, who):
    assert leases.claim(db, above=0) is None
    pictures = jobs.enqueue(
        db, settings, who, patient, [an_upload("image")], datetime.now(UTC).date(), model_sha256="m"
    )
    assert leases.claim(db, above=0).recording_id == pictures.recording_id


def test_a_job_to_be_cancelled_is_not_tried_again(db, settings, queued, who):
    claimed = leases.claim(db)
    control.cancel(db, settings, who, queued.recording_id)
    expire(db, claimed)
    assert leases.release(db) == [claimed.sources[0]["id"]]
    assert progress.status(db, who, queued.recording_id).state is JobState.CANCELLED


def test_giving_back_costs_no_attempt(db, queued):
    for _ in range(leases.MAX_ATTEMPTS + 2):
        leases.give_back(db, leases.claim(db))
    assert leases.claim(db) is not None


def test_a_deleted_recording_is_distinguished_from_a_take_over(db, queued):
    claimed = leases.claim(db)
    with db.session() as session:
        session.delete(session.get_one(Recording, queued.recording_id))
    with pytest.raises(LeaseLostError) as lost:
        write(db, claimed, 0)
    assert lost.value.job_gone


def test_an_error_inside_held_writes_nothing(db, queued):
    claimed = leases.claim(db)

    def break_off():
        with leases.held(db, claimed) as session:
            session.add(Sample(recording_id=claimed.recording_id, frame_index=0, time_s=0.0))
            session.flush()
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        break_off()
    assert samples(db) == 0
