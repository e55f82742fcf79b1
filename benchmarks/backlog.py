"""A long queue of pictures and several workers on PostgreSQL: each has to be done exactly once, and how quickly."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.clinics import Clinic, clinic, picture, until
from clinic.patients.states import UNDER_WAY
from db.models import Job, JobState, Sample, StoredChunk
from tests import postgresql


@dataclass(frozen=True, slots=True)
class Throughput:
    """What became of the queue. `by_worker`: how many each did; `seconds`: from the first start to the last end."""

    pictures: int
    done: int
    claimed_once: int
    written_once: int
    by_worker: dict[str, int]
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether each picture was done exactly once."""
        return self.pictures == self.done == self.claimed_once == self.written_once

    def table(self) -> str:
        """The same for people."""
        shares = ", ".join(str(count) for _, count in sorted(self.by_worker.items()))
        return "\n".join(
            [
                f"pictures queued, each a job      {self.pictures}",
                f"done                             {self.done}",
                f"claimed exactly once             {self.claimed_once}",
                f"written exactly once             {self.written_once}",
                f"by worker                        {shares}",
                f"took                             {self.seconds:.1f} s: {self.done / self.seconds:.1f} pictures/s",
                "sound" if self.sound else "NOT SOUND",
            ]
        )


def work_off(pictures: int, workers: int) -> Throughput:
    """Queue the pictures on a PostgreSQL of our own, let the workers work them off, and count."""
    with (
        postgresql.server() as folder,
        tempfile.TemporaryDirectory() as name,
        clinic(Path(name), postgresql.url_of(folder)) as place,
    ):
        for number in range(pictures):
            place.hand_in(picture(Path(name) / "picture.png", number), "image")
        for number in range(1, workers + 1):
            place.worker(number)
        until(lambda: _left(place) == 0, 3600)
        return _counted(place, pictures)


def _left(place: Clinic) -> int:
    with place.db.read() as session:
        return session.scalar(select(func.count()).select_from(Job).where(Job.state.in_(UNDER_WAY))) or 0


def _counted(place: Clinic, pictures: int) -> Throughput:
    with place.db.read() as session:
        found = session.scalars(select(Job)).all()
        chunks = Counter(session.scalars(select(StoredChunk.recording_id)))
        moments = Counter(session.scalars(select(Sample.recording_id)))
    started: list[datetime] = [job.started_at for job in found if job.started_at is not None]
    finished: list[datetime] = [job.finished_at for job in found if job.finished_at is not None]
    return Throughput(
        pictures=pictures,
        done=sum(job.state == JobState.DONE for job in found),
        claimed_once=sum(job.lease_token == 1 for job in found),
        written_once=sum(chunks[job.recording_id] == moments[job.recording_id] == 1 for job in found),
        by_worker=dict(Counter(job.worker for job in found)),
        seconds=(max(finished) - min(started)).total_seconds(),
    )
