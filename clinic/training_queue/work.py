"""Trainings as the worker holds them: taken by a lease, one of each lane at a time, ended or put back by its token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import clock
from db.engine import Database
from db.models import JobState, Training

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 3
RUN, TUNE, CHECK, EVALUATE, EXAMPLES = "run", "tune", "check", "evaluate", "examples"
RUNS = (RUN, TUNE)
"""What makes a model, on a data set alone or with the clinic's own people."""
OPEN = (JobState.QUEUED, JobState.RUNNING)
LANES = (RUNS, (CHECK, EVALUATE, EXAMPLES))
"""What waits for each other: one training at a time, and beside it what takes minutes."""
LOST = (
    "The training stopped unexpectedly three times without an epoch between. The computer may have too little memory:"
    " try a smaller batch, or look into the file said.txt in the run's folder."
)


class TrainingRequest(Enum):
    """What the clinic wants of a training that a worker holds."""

    GO_ON = "go on"
    STOP = "stop"
    PAUSE = "pause"
    GONE = "gone"
    """It is no longer this worker's, or was deleted."""


@dataclass(frozen=True, slots=True)
class TrainingClaim:
    """A training that a worker holds by `token`; `number` is that of the run, for an evaluation too."""

    id: str
    token: int
    kind: str
    run_id: str
    number: int
    data: str
    start_from: str | None


def claim(db: Database, worker: str, kinds: tuple[str, ...]) -> TrainingClaim | None:
    """Take the training of these kinds that is next; None while one of them is held, or where none waits."""
    with db.read() as session:
        if _next(session, kinds) is None:
            return None
    with db.session() as session:
        row = _next(session, kinds)
        if row is None:
            return None
        row.state, row.worker = JobState.RUNNING, worker
        row.attempts += 1
        row.lease_token += 1
        row.lease_until = clock.now() + LEASE
        row.started_at = row.started_at or clock.now()
        run = row if row.run_id is None else session.get_one(Training, row.run_id)
        return TrainingClaim(row.id, row.lease_token, row.kind, run.id, run.number, row.data, row.start_from)


def requested(db: Database, held: TrainingClaim) -> TrainingRequest:
    """Return what is wanted of a training that is under way."""
    with db.read() as session:
        row = held_row(session, held)
        if row is None:
            return TrainingRequest.GONE
        if row.cancel_requested:
            return TrainingRequest.STOP
        return TrainingRequest.PAUSE if row.paused else TrainingRequest.GO_ON


def renew(db: Database, held: TrainingClaim, done: int) -> None:
    """Renew the lease and write how many epochs are done; an epoch more, and earlier deaths are forgotten."""
    with db.session() as session:
        row = held_row(session, held)
        if row is not None:
            row.lease_until = clock.now() + LEASE
            row.attempts = 1 if done > row.done else row.attempts
            row.done = done


def end(
    db: Database,
    held: TrainingClaim,
    state: JobState,
    done: int | None = None,
    code: str | None = None,
    message: str | None = None,
) -> None:
    """End a training, if it is still this worker's."""
    with db.session() as session:
        row = held_row(session, held)
        if row is not None:
            row.done = row.done if done is None else done
            # What ended it from outside has said so already.
            row.error_code, row.error_message = code or row.error_code, message or row.error_message
            _end(row, JobState.CANCELLED if row.cancel_requested else state)


def give_back(db: Database, held: TrainingClaim) -> None:
    """Put a training back as if it had not been tried: it is paused, or the worker ends because it was asked to."""
    with db.session() as session:
        row = held_row(session, held)
        if row is not None:
            row.attempts -= 1
            _queue_again(row)


def died(db: Database, held: TrainingClaim) -> None:
    """Put a training back whose process died; after `MAX_ATTEMPTS` without an epoch more it has failed."""
    with db.session() as session:
        row = held_row(session, held)
        if row is not None:
            _try_again(row)


def release(db: Database, worker: str | None = None) -> None:
    """Put the trainings back whose lease ran out; with `worker`, those that were held under this name."""
    lost = ~clock.pending(Training.lease_until, LEASE, clock.now()) if worker is None else Training.worker == worker
    running = select(Training).where(Training.state == JobState.RUNNING, lost)
    with db.read() as session:
        if session.scalar(running.limit(1)) is None:
            return
    with db.session() as session:
        for row in session.scalars(running):
            _try_again(row)


def cancel(row: Training) -> None:
    """End what is open for good: at once where it waits; the worker ends what is under way."""
    row.cancel_requested = True
    if row.state == JobState.QUEUED:
        row.state, row.ended_at = JobState.CANCELLED, clock.now()


def held_row(session: Session, held: TrainingClaim) -> Training | None:
    """Return the row of a training, None where it is no longer this worker's."""
    row = session.get(Training, held.id)
    mine = row is not None and row.lease_token == held.token and row.state == JobState.RUNNING
    return row if mine else None


def _next(session: Session, kinds: tuple[str, ...]) -> Training | None:
    of_lane = select(Training).where(Training.kind.in_(kinds))
    if session.scalar(of_lane.where(Training.state == JobState.RUNNING).limit(1)) is not None:
        return None
    waiting = of_lane.where(Training.state == JobState.QUEUED, Training.paused.is_(False))
    # A search takes hours: a run of its own goes before the runs of it that still wait.
    return session.scalar(waiting.order_by(Training.search_id.is_not(None), Training.number).limit(1))


def _try_again(row: Training) -> None:
    if row.cancel_requested:
        _end(row, JobState.CANCELLED)
    elif row.attempts >= MAX_ATTEMPTS:
        row.error_code, row.error_message = "training_stopped", LOST
        _end(row, JobState.FAILED)
    else:
        _queue_again(row)


def _queue_again(row: Training) -> None:
    row.state, row.lease_until = JobState.QUEUED, None
    # The worker that may still run must not write from now on.
    row.lease_token += 1


def _end(row: Training, state: JobState) -> None:
    row.state, row.lease_until, row.ended_at = state, None, clock.now()
