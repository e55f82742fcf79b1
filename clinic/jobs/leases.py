"""Analyses as the worker holds them: taken by a lease, kept by reporting progress, given up or ended by its token.

Each take-over raises the job's fencing token. Every write of a worker first renews its lease under its own token, in
the same transaction, so that a worker that was given up for dead can't write any more. What is written stays: the next
holder goes on after the last chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from clinic import clock
from db.engine import Database
from db.models import Job, JobState, Reanalysis, Recording, RecordingKind, Sample, StoredChunk
from fer_core.types import Progress

LEASE_S = 60.0
MAX_ATTEMPTS = 3
BACK_OFF_S = (0.0, 10.0)
"""How long a job waits after its first and its second worker died within one chunk: the fault may pass by itself."""
LONGEST_LEASE, LONGEST_BACK_OFF = timedelta(seconds=LEASE_S), timedelta(seconds=max(BACK_OFF_S))
"""What ends later than this from now was written by a clock that was ahead, and is over."""

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


class ControlRequest(Enum):
    """What a running analysis is asked to do."""

    GO_ON = "go on"
    CANCEL = "cancel"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker holds. `sources`: the uploads (see `Upload.as_source`); `token`: the fencing token.

    `model_sha256`: the model that is asked for. `again`: it is a new version of a recording, whose file is the older
    version's and stays where this one ends badly. `cursor`: where an earlier holder stopped (see chunks.py).
    """

    job_id: str
    patient_id: str
    recording_id: str
    token: int
    kind: RecordingKind
    every_s: float
    sources: tuple[dict[str, Any], ...]
    priority: int
    model_sha256: str | None
    again: bool
    cursor: dict[str, Any] | None


def next_files(db: Database, above: int | None = None) -> list[str] | None:
    """Return the ids of the files of the job that `claim` would take, None where it would find none.

    To be asked before it, which takes the database's only write lock.
    """
    with db.read() as session:
        job = _next(session, clock.now(), above)
        return None if job is None else [source["id"] for source in job.sources]


def claim(db: Database, lease_s: float = LEASE_S, worker: str = "", above: int | None = None) -> Claim | None:
    """Take the waiting job of the highest priority, oldest first, or None.

    `worker`: the name under which it is held. `above`: only jobs of a higher priority than this.
    """
    now = clock.now()
    with db.session() as session:
        job = _next(session, now, above)
        if job is None:
            return None
        job.state = JobState.RUNNING
        job.worker = worker
        job.attempts += 1
        job.lease_token += 1
        job.lease_until = now + timedelta(seconds=lease_s)
        job.started_at = now
        if job.cursor is None:
            forget_results(session, job)
        else:
            # What was sampled after the last chunk was never written.
            job.done_s = job.resumed_s = float(job.cursor["end_s"])
            job.frames = int(job.cursor["samples"])
        recording = session.get_one(Recording, job.recording_id)
        return Claim(
            job_id=job.id,
            patient_id=recording.patient_id,
            recording_id=job.recording_id,
            token=job.lease_token,
            kind=recording.kind,
            every_s=float(recording.settings.get("every_s", 0.0)),
            sources=tuple(job.sources),
            priority=job.priority,
            model_sha256=recording.model_sha256,
            again=recording.version_of is not None,
            cursor=job.cursor,
        )


def own_files(session: Session, job: Job) -> list[str]:
    """Return the uploads that go with a job that ends badly: none where an older version of the recording has them."""
    if session.get_one(Recording, job.recording_id).version_of is not None:
        return []
    return [source["id"] for source in job.sources]


def forget_results(session: Session, job: Job) -> None:
    """Delete the results that a job has written, so that it starts again or leaves nothing."""
    session.execute(delete(Sample).where(Sample.recording_id == job.recording_id))
    session.execute(delete(StoredChunk).where(StoredChunk.recording_id == job.recording_id))
    job.cursor = None
    job.done_s = job.resumed_s = 0.0
    job.total_s, job.frames = None, 0


@contextmanager
def held(db: Database, claimed: Claim, lease_s: float = LEASE_S) -> Iterator[Session]:
    """Open a transaction in which the job is surely this worker's, and renew the lease.

    Raises LeaseLostError before anything is written.
    """
    with db.session() as session:
        _renew(session, claimed, lease_s, {})
        yield session


def progress(db: Database, claimed: Claim, at: Progress, lease_s: float = LEASE_S) -> ControlRequest:
    """Renew the lease, write how far the analysis is, and return what is wanted of it.

    Raises LeaseLostError.
    """
    with db.session() as session:
        _renew(session, claimed, lease_s, {"done_s": at.done_s, "total_s": at.total_s, "frames": at.frames})
        cancelled, paused = session.execute(
            select(Job.cancel_requested, Reanalysis.paused)
            .outerjoin(Reanalysis, Reanalysis.id == Job.reanalysis_id)
            .where(Job.id == claimed.job_id)
        ).one()
    if cancelled:
        return ControlRequest.CANCEL
    return ControlRequest.PAUSE if paused else ControlRequest.GO_ON


def finish(session: Session, claimed: Claim, state: JobState, frames: int) -> None:
    """End the job successfully, within `held`: ``DONE``, ``PARTIAL``, or ``CHOOSING`` where a face must be chosen.

    `frames`: the samples taken in all; the last report of the progress may be half a second old.
    """
    job = session.get_one(Job, claimed.job_id)
    job.state = state
    job.lease_until = None
    job.cursor = None
    job.frames = frames
    if job.total_s is not None and state is not JobState.PARTIAL:
        job.done_s = job.total_s
    job.finished_at = None if state is JobState.CHOOSING else clock.now()


def fail(db: Database, claimed: Claim, code: str, message: str) -> None:
    """End the job with a stable code and a sentence; its results are deleted. Raises LeaseLostError."""
    with held(db, claimed) as session:
        _end_badly(session, session.get_one(Job, claimed.job_id), JobState.FAILED, code, message)


def end_cancelled(db: Database, claimed: Claim) -> None:
    """End the job as cancelled; its results are deleted. Raises LeaseLostError."""
    with held(db, claimed) as session:
        _end_badly(session, session.get_one(Job, claimed.job_id), JobState.CANCELLED, None, None)


def give_back(db: Database, claimed: Claim) -> None:
    """Put the job back into the queue as if it had not been tried: the worker ends because someone asked for it.

    Raises LeaseLostError.
    """
    with held(db, claimed) as session:
        job = session.get_one(Job, claimed.job_id)
        job.attempts -= 1
        _queue_again(job)


def release(db: Database, worker: str | None = None, blameless: bool = False) -> list[str]:
    """Queue the running jobs again whose lease ran out; return the uploads that are needed no more.

    With `worker` those that were held under this name are released at once: for a worker that has just started under
    it, and so is the only one. A job that was tried `MAX_ATTEMPTS` times without a chunk more fails with a sentence;
    one that shall be cancelled is. `blameless`: the fault lies elsewhere than in the jobs, and this try doesn't count.
    """
    needless: list[str] = []
    now = clock.now()
    with db.session() as session:
        lost = ~clock.pending(Job.lease_until, LONGEST_LEASE, now) if worker is None else Job.worker == worker
        for job in session.scalars(select(Job).where(Job.state == JobState.RUNNING, lost)):
            if job.cancel_requested:
                _end_badly(session, job, JobState.CANCELLED, None, None)
                needless += own_files(session, job)
            elif blameless:
                job.attempts -= 1
                _queue_again(job)
            elif job.attempts >= MAX_ATTEMPTS:
                _end_badly(session, job, JobState.FAILED, LOST_CODE, LOST_MESSAGE)
            else:
                _queue_again(job)
                job.not_before = now + timedelta(seconds=BACK_OFF_S[max(0, job.attempts - 1)])
    return needless


def _next(session: Session, now: datetime, above: int | None) -> Job | None:
    """Return the job to take next: neither paused nor waiting after a worker's death."""
    waiting = (
        select(Job)
        .outerjoin(Reanalysis, Reanalysis.id == Job.reanalysis_id)
        .where(
            Job.state == JobState.QUEUED,
            or_(Job.not_before.is_(None), ~clock.pending(Job.not_before, LONGEST_BACK_OFF, now)),
            or_(Reanalysis.paused.is_(None), Reanalysis.paused.is_(False)),
        )
        .order_by(Job.priority.desc(), Job.number, Job.id)
        .limit(1)
    )
    return session.scalar(waiting if above is None else waiting.where(Job.priority > above))


def _queue_again(job: Job) -> None:
    job.state = JobState.QUEUED
    job.lease_until = None
    # The worker that may still run must not write from now on.
    job.lease_token += 1


def _renew(session: Session, claimed: Claim, lease_s: float, values: dict[str, Any]) -> None:
    until = clock.now() + timedelta(seconds=lease_s)
    changed = session.execute(
        update(Job)
        .where(Job.id == claimed.job_id, Job.lease_token == claimed.token, Job.state == JobState.RUNNING)
        .values(lease_until=until, **values)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(changed, CursorResult) or changed.rowcount != 1:
        raise LeaseLostError(job_gone=session.get(Job, claimed.job_id) is None)


def _end_badly(session: Session, job: Job, state: JobState, code: str | None, message: str | None) -> None:
    forget_results(session, job)
    job.state = state
    job.lease_until = None
    job.lease_token += 1
    job.error_code, job.error_message = code, message
    job.finished_at = clock.now()
