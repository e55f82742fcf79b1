"""How far analyses are, as the pages see them: each one's state, pace and preview, and all that are not over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, defer

from clinic import access, clock
from clinic.access import Actor
from clinic.consent import consent
from clinic.jobs import previews, tracks
from clinic.jobs.jobs import ACTIVE
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, Job, JobState, Patient, Recording

WORKING = (JobState.QUEUED, JobState.RUNNING)
PACE_AFTER_S = 2.0
"""The time left is told from this running time on: earlier the pace is not known."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Where an analysis stands.

    `share`: 0 to 1, None while the length is unknown. `left_s`: seconds left at the pace measured so far, None
    while that is unknown. `frames`: samples taken so far. The error's sentence may be shown as it is.
    """

    recording_id: str
    state: JobState
    share: float | None
    left_s: float | None
    frames: int
    done_s: float
    total_s: float | None
    cancel_requested: bool
    error_code: str | None
    error_message: str | None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen by itself and nothing is asked."""
        return self.state.value not in ACTIVE


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """An analysis that is not over, with whose it is."""

    status: JobStatus
    patient_id: str
    patient_name: str
    recorded_on: date
    kind: str


def status(db: Database, actor: Actor, recording_id: str) -> JobStatus | None:
    """Return where the recording's analysis stands, or None for a recording without one. Raises Forbidden."""
    found = _seen(db, actor, recording_id)
    return found.status if found is not None else None


def watch(
    db: Database, settings: Settings, actor: Actor, recording_id: str
) -> tuple[JobStatus, previews.StoredPreview | None] | None:
    """Return where an analysis stands and what may be shown of its latest frame. Raises Forbidden."""
    found = _seen(db, actor, recording_id)
    return None if found is None else (found.status, _shown(settings, found))


def preview(db: Database, settings: Settings, actor: Actor, recording_id: str) -> previews.StoredPreview | None:
    """Return the latest sampled frame with the faces that may be shown, or None where there is none to show.

    None too where the patient's consent doesn't stand any more, while the patient's face has to be chosen, and where
    the patient is not in the picture. Raises Forbidden.
    """
    found = _seen(db, actor, recording_id)
    return None if found is None else _shown(settings, found)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one query tells of a recording: its job, whether consent stands, and the patient's tracks (None: open)."""

    status: JobStatus
    agreed: bool
    chosen: list[int] | None


def _seen(db: Database, actor: Actor, recording_id: str) -> _Seen | None:
    """Return what a page asks each second. Raises Forbidden."""
    with db.read() as session:
        found = session.execute(_asked(session, actor, recording_id)).one_or_none()
        access.admitted(found[0] if found is not None else None)
        _, recording, job, sees, agreed = found or (None, None, None, False, False)
        if recording is None:
            return None
        if not sees:
            raise access.refusal("not_your_patient")
        return _Seen(_status(job, clock.now()), agreed, tracks.chosen_of(recording)) if job is not None else None


def _asked(session: Session, actor: Actor, recording_id: str) -> Select[Account, Recording, Job, bool, bool]:
    """Return the query of an account, a recording and its job, which finds each row by its key."""
    return (
        select(
            Account,
            Recording,
            Job,
            access.sees(Account.id, Recording.patient_id),
            consent.stands(session, Recording.patient_id, *consent.ANALYSIS),
        )
        .select_from(Account)
        .outerjoin(Recording, Recording.id == recording_id)
        .outerjoin(Job, Job.recording_id == Recording.id)
        # Where it stands to the analyzer is long, and of no use to a page.
        .options(defer(Job.cursor), defer(Job.sources), defer(Recording.summary))
        .where(Account.id == (actor.account_id if actor is not None else None))
    )


def _shown(settings: Settings, seen: _Seen) -> previews.StoredPreview | None:
    """Return what may be shown of the preview: never another person's labels, nothing while a face is to be chosen."""
    state = seen.status.state
    if not seen.agreed or state is JobState.CHOOSING:
        return None
    stored = previews.read_preview(settings, seen.status.recording_id)
    if stored is None or (seen.chosen is None and state not in WORKING):
        return None
    if seen.chosen is not None:
        return stored.of_patient(seen.chosen)
    return stored.without_labels() if stored.several else stored


def active(db: Database, actor: Actor) -> list[ActiveJob]:
    """Return what is queued, running or waits for a choice of face, oldest first.

    What a reanalysis has queued is told by `clinic.reanalysis` as a whole. Raises Forbidden.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        rows = session.execute(
            select(Job, Recording.patient_id, Patient.name, Recording.recorded_on, Recording.kind)
            .join(Recording, Recording.id == Job.recording_id)
            .join(Patient, Patient.id == Recording.patient_id)
            .where(
                Job.state.in_(ACTIVE),
                Recording.patient_id.in_(access.visible(account)),
                or_(Job.reanalysis_id.is_(None), Job.state != JobState.QUEUED.value),
            )
            .order_by(Job.number, Job.id)
        )
        now = clock.now()
        return [ActiveJob(_status(job, now), patient_id, name, day, kind) for job, patient_id, name, day, kind in rows]


def _status(job: Job, now: datetime) -> JobStatus:
    share = min(1.0, job.done_s / job.total_s) if job.total_s else None
    left_s = None
    # The pace is that of the present holder alone: what an earlier one did took none of this time.
    done_now_s = job.done_s - job.resumed_s
    if job.state == JobState.RUNNING.value and job.started_at is not None and job.total_s and done_now_s > 0:
        running_s = (now - job.started_at).total_seconds()
        if running_s >= PACE_AFTER_S:
            left_s = running_s * max(0.0, job.total_s - job.done_s) / done_now_s
    return JobStatus(
        recording_id=job.recording_id,
        state=JobState(job.state),
        share=share,
        left_s=left_s,
        frames=job.frames,
        done_s=job.done_s,
        total_s=job.total_s,
        cancel_requested=job.cancel_requested,
        error_code=job.error_code,
        error_message=job.error_message,
    )
