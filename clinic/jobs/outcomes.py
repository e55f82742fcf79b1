"""Recent results of analyses: failures with their reasons, and how much was analysed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from clinic import access, clock
from clinic.access import Actor, Role
from clinic.patients.subject import Subject, subject_of
from db.engine import Database
from db.models import Access, Job, JobState, Patient, Recording, RecordingKind, StoredChunk

SHOWN_FOR = timedelta(days=14)
SHOWN_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class FailedJob:
    """An analysis that failed, with its reason for people and the stable code of it.

    `writable`: whether the acting user may try it again.
    """

    recording_id: str
    subject: Subject
    reason: str
    code: str
    writable: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """What was analysed here within the last hour: finished recordings, seconds of video, pictures."""

    recordings: int
    video_s: float
    pictures: int


def failed(db: Database, actor: Actor) -> list[FailedJob]:
    """Return the analyses of the acting user's patients that failed within two weeks, the newest first.

    Raises Forbidden.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        rows = session.execute(
            select(Recording, Patient, Job.error_message, Job.error_code, Access.until)
            .join(Recording, Recording.id == Job.recording_id)
            .join(Patient, Patient.id == Recording.patient_id)
            .join(Access, Access.patient_id == Patient.id)
            .where(Access.account_id == account.id, Patient.id.in_(access.visible(account)))
            .where(Job.state == JobState.FAILED, clock.within(Job.finished_at, SHOWN_FOR, clock.now()))
            .order_by(Job.finished_at.desc())
            .limit(SHOWN_AT_ONCE)
        )
        writes = account.role != Role.VIEWER
        return [
            FailedJob(recording.id, subject_of(recording, patient), reason or "", code or "", writes and until is None)
            for recording, patient, reason, code, until in rows
        ]


def pace(db: Database, actor: Actor) -> Pace:
    """Return what was analysed within the last hour. Raises Forbidden."""
    now, hour = clock.now(), timedelta(hours=1)
    written_lately = clock.within(StoredChunk.written_at, hour, now)
    # Invented and imported recordings have results too, but were not analysed here.
    worked_out = select(StoredChunk.recording_id).where(written_lately)
    ended = (JobState.DONE, JobState.PARTIAL, JobState.CHOOSING)
    with db.read() as session:
        access.acting(session, actor)
        recordings = session.scalar(
            select(func.count(Recording.id))
            .join(Job, Job.recording_id == Recording.id)
            .where(Job.state.in_(ended), clock.within(Recording.analysed_at, hour, now), Recording.id.in_(worked_out))
        )
        rows = session.execute(
            select(Recording.kind, func.sum(StoredChunk.end_s - StoredChunk.begin_s), func.sum(StoredChunk.samples))
            .join(Recording, Recording.id == StoredChunk.recording_id)
            .where(written_lately)
            .group_by(Recording.kind)
        ).all()
    worked = {kind: (length_s, samples) for kind, length_s, samples in rows}
    return Pace(
        recordings or 0,
        float(worked.get(RecordingKind.VIDEO, (0.0, 0))[0]),
        int(worked.get(RecordingKind.PICTURES, (0.0, 0))[1]),
    )
