"""What became of analyses lately: those that failed with their reasons, and how much was worked out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select

from db.engine import Database
from db.models import Chunk, Job, JobState, Patient, Recording

SHOWN_FOR = timedelta(days=14)
SHOWN_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class FailedJob:
    """An analysis that failed, with its reason for people and the stable code of it."""

    recording_id: str
    patient_name: str
    recorded_on: date
    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class Pace:
    """What was worked out within the last hour: recordings that ended well, seconds of video, pictures."""

    recordings: int
    video_s: float
    pictures: int


def failed(db: Database) -> list[FailedJob]:
    """Return the analyses that failed within the last two weeks, the newest first."""
    since = datetime.now(UTC) - SHOWN_FOR
    with db.read() as session:
        rows = session.execute(
            select(Recording.id, Patient.name, Recording.recorded_on, Job.error_message, Job.error_code)
            .join(Recording, Recording.id == Job.recording_id)
            .join(Patient, Patient.id == Recording.patient_id)
            .where(Job.state == JobState.FAILED.value, Job.finished_at >= since)
            .order_by(Job.finished_at.desc())
            .limit(SHOWN_AT_ONCE)
        )
        return [FailedJob(key, name, day, reason or "", code or "") for key, name, day, reason, code in rows]


def pace(db: Database) -> Pace:
    """Return what was worked out within the last hour."""
    since = datetime.now(UTC) - timedelta(hours=1)
    ended = (JobState.DONE.value, JobState.PARTIAL.value, JobState.CHOOSING.value)
    with db.read() as session:
        recordings = session.scalar(
            select(func.count(Recording.id))
            .join(Job, Job.recording_id == Recording.id)
            .where(Job.state.in_(ended), Recording.analysed_at >= since)
        )
        rows = session.execute(
            select(Recording.kind, func.sum(Chunk.end_s - Chunk.begin_s), func.sum(Chunk.samples))
            .join(Recording, Recording.id == Chunk.recording_id)
            .where(Chunk.written_at >= since)
            .group_by(Recording.kind)
        ).all()
    worked = {kind: (length_s, samples) for kind, length_s, samples in rows}
    return Pace(recordings or 0, float(worked.get("video", (0.0, 0))[0]), int(worked.get("pictures", (0.0, 0))[1]))
