"""Analyses as the worker holds them: taken by a lease, kept by reporting progress, given up or ended by its token.

Each take-over raises the job's fencing token. Every write of a worker first renews its lease under its own token, in
the same transaction, so that a worker that was given up for dead can't write any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from db.engine import Database
from db.models import Job, JobState, Recording, Sample
from fer_core.types import Progress

LEASE_S = 60.0
MAX_ATTEMPTS = 3

LOST_CODE = "worker_stopped"
LOST_MESSAGE = (
    "The analysis stopped unexpectedly three times with this file. "
    "Please convert it to an ordinary MP4 video, or a shorter one, and try again."
)


class LeaseLostError(Exception):
    """The job belongs to another worker by now, or is no more. `job_gone`: its recording was deleted."""

    def __init__(self, job_gone: bool) -> None:
        super().__init__("the job's recording was deleted" if job_gone else "the job was taken over")
        self.job_gone = job_gone


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker holds. `sources`: the uploads (see `Upload.as_source`); `token`: the fencing token."""

    job_id: str
    recording_id: str
    token: int
    kind: str
    every_s: float
    sources: tuple[dict[str, Any], ...]


def claim(db: Database, lease_s: float = LEASE_S) -> Claim | None:
    """Take the waiting job of the highest priority, oldest first, or None; what an earlier try wrote is deleted."""
    now = datetime.now(UTC)
    with db.session() as session:
        job = session.scalar(
            select(Job)
            .where(Job.state == JobState.QUEUED.value)
            .order_by(Job.priority.desc(), Job.created_at, Job.id)
            .limit(1)
        )
        if job is None:
            return None
        job.state = JobState.RUNNING.value
        job.attempts += 1
        job.lease_token += 1
        job.lease_until = now + timedelta(seconds=lease_s)
        job.started_at = now
        job.done_s, job.total_s, job.frames = 0.0, None, 0
        session.execute(delete(Sample).where(Sample.recording_id == job.recording_id))
        recording = session.get_one(Recording, job.recording_id)
        return Claim(
            job_id=job.id,
            recording_id=job.recording_id,
            token=job.lease_token,
            kind=recording.kind,
            every_s=float(recording.settings.get("every_s", 0.0)),
            sources=tuple(job.sources),
        )


@contextmanager
def held(db: Database, claimed: Claim, lease_s: float = LEASE_S) -> Iterator[Session]:
    """Open a transaction in which the job is surely this worker's, and renew the lease.

    Raises LeaseLostError before anything is written.
    """
    with db.session() as session:
        _renew(session, claimed, lease_s, {})
        yield session


def progress(db: Database, claimed: Claim, at: Progress, lease_s: float = LEASE_S) -> bool:
    """Renew the lease, write how far the analysis is, and return whether it shall be cancelled.

    Raises LeaseLostError.
    """
    with db.session() as session:
        _renew(session, claimed, lease_s, {"done_s": at.done_s, "total_s": at.total_s, "frames": at.frames})
        return session.scalar(select(Job.cancel_requested).where(Job.id == claimed.job_id)) is True


def finish(session: Session, claimed: Claim, state: JobState, frames: int) -> None:
    """End the job well, within `held`: ``DONE``, ``PARTIAL``, or ``CHOOSING`` where a face must be chosen.

    `frames`: the samples taken in all; the last report of the progress may be half a second old.
    """
    job = session.get_one(Job, claimed.job_id)
    job.state = state.value
    job.lease_until = None
    job.frames = frames
    if job.total_s is not None and state is not JobState.PARTIAL:
        job.done_s = job.total_s
    job.finished_at = None if state is JobState.CHOOSING else datetime.now(UTC)


def fail(db: Database, claimed: Claim, code: str, message: str) -> None:
    """End the job with a stable code and a sentence; its results are deleted. Raises LeaseLostError."""
    with held(db, claimed) as session:
        _end_badly(session, session.get_one(Job, claimed.job_id), JobState.FAILED, code, message)


def end_cancelled(db: Database, claimed: Claim) -> None:
    """End the job as cancelled; its results are deleted. Raises LeaseLostError."""
    with held(db, claimed) as session:
        _end_badly(session, session.get_one(Job, claimed.job_id), JobState.CANCELLED, None, None)


def give_back(db: Database, claimed: Claim) -> None:
    """Put the job back into the queue as if it had not been tried: the worker ends at someone's wish.

    Raises LeaseLostError.
    """
    with held(db, claimed) as session:
        job = session.get_one(Job, claimed.job_id)
        job.state = JobState.QUEUED.value
        job.attempts -= 1
        job.lease_token += 1
        job.lease_until = None


def release(db: Database, only_expired: bool = True) -> list[str]:
    """Queue the running jobs again whose lease ran out; return the uploads that are needed no more.

    A job that was tried `MAX_ATTEMPTS` times fails with a sentence; one that shall be cancelled is. With
    `only_expired` false every running job is released: for a worker that has just started and is the only one.
    """
    needless: list[str] = []
    with db.session() as session:
        running = select(Job).where(Job.state == JobState.RUNNING.value)
        if only_expired:
            running = running.where(Job.lease_until < datetime.now(UTC))
        for job in session.scalars(running):
            if job.cancel_requested:
                _end_badly(session, job, JobState.CANCELLED, None, None)
                needless += [source["id"] for source in job.sources]
            elif job.attempts >= MAX_ATTEMPTS:
                _end_badly(session, job, JobState.FAILED, LOST_CODE, LOST_MESSAGE)
            else:
                job.state = JobState.QUEUED.value
                job.lease_until = None
                # The worker that may still run must not write from now on.
                job.lease_token += 1
    return needless


def _renew(session: Session, claimed: Claim, lease_s: float, values: dict[str, Any]) -> None:
    until = datetime.now(UTC) + timedelta(seconds=lease_s)
    changed = session.execute(
        update(Job)
        .where(Job.id == claimed.job_id, Job.lease_token == claimed.token, Job.state == JobState.RUNNING.value)
        .values(lease_until=until, **values)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(changed, CursorResult) or changed.rowcount != 1:
        raise LeaseLostError(job_gone=session.get(Job, claimed.job_id) is None)


def _end_badly(session: Session, job: Job, state: JobState, code: str | None, message: str | None) -> None:
    session.execute(delete(Sample).where(Sample.recording_id == job.recording_id))
    job.state = state.value
    job.lease_until = None
    job.lease_token += 1
    job.error_code, job.error_message = code, message
    job.finished_at = datetime.now(UTC)
