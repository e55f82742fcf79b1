"""The progress of analyses for the pages: each one's state, pace and preview, and all that are not over."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import defer

from clinic import access, clock
from clinic.access import Actor, Role
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.jobs import previews, tracks
from clinic.jobs.obstacles import PAUSED, obstacle
from clinic.patients import conditions, doubts
from clinic.patients.states import UNDER_WAY, RecordingStanding, standing_of
from clinic.patients.subject import Subject, subject_of
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, Job, Patient, Reanalysis, Recording
from db.models import JobState as JobState  # the pages know no tables
from db.records import others_spans

WORKING = (JobState.QUEUED, JobState.RUNNING)
PACE_AFTER_S = 2.0
"""The time left is shown after this running time: before that the pace is not known."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The state of an analysis.

    `standing`: its state and what is said of it. `share`: 0 to 1, None while the length is unknown. `left_s`: seconds
    left at the pace measured so far, None while that is unknown. `frames`: samples taken so far. `writable`: whether
    the acting user may change anything of it.
    """

    recording_id: str
    state: JobState
    standing: RecordingStanding
    share: float | None
    left_s: float | None
    frames: int
    done_s: float
    total_s: float | None
    cancel_requested: bool
    error_code: str | None
    error_message: str | None
    writable: bool

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen automatically and no choice is open."""
        return not self.standing.under_way


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """An analysis that is not over, with whose it is."""

    status: JobStatus
    subject: Subject


def status(db: Database, actor: Actor, recording_id: str) -> JobStatus | None:
    """Return the state of the recording's analysis, or None for a recording without one. Raises Forbidden."""
    found = _seen(db, actor, recording_id)
    return found.status if found is not None else None


def watch(
    db: Database, settings: Settings, actor: Actor, recording_id: str
) -> tuple[JobStatus, previews.StoredPreview | None] | None:
    """Return the state of an analysis and what may be shown of its latest frame. Raises Forbidden."""
    found = _seen(db, actor, recording_id, obstacle(settings))
    return None if found is None else (found.status, _shown(settings, found))


def preview(db: Database, settings: Settings, actor: Actor, recording_id: str) -> previews.StoredPreview | None:
    """Return the latest sampled frame with the faces that may be shown, or None where there is none to show.

    None too where the patient's consent doesn't stand any more, while the patient's face has to be chosen, and where
    the patient is not in the picture or it is marked as not the patient. Raises Forbidden.
    """
    found = _seen(db, actor, recording_id)
    shown = None if found is None else _shown(settings, found)
    with db.read() as session:
        others = others_spans(session, recording_id)
    if shown is not None and any(begin_s <= shown.time_s < end_s for begin_s, end_s in others):
        return None
    return shown


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one query returns of a recording: its job, whether consent is valid, the patient's tracks (None: open)."""

    status: JobStatus
    agreed: bool
    chosen: list[int] | None


def _seen(db: Database, actor: Actor, recording_id: str, hindered: str | None = None) -> _Seen | None:
    """Return what a page asks each second: the clinic's day, and one query by keys alone. Raises Forbidden."""
    with db.read() as session:
        day = consent.today(session)
        asked = (
            select(
                Account,
                Recording,
                Job,
                access.sees(Account.id, Recording.patient_id),
                access.cares(Account.id, Recording.patient_id),
                consent.stands(Recording.patient_id, day, *consent.ANALYSIS),
                consent.stands(Recording.patient_id, day, Scope.KEEP_RESULTS),
                Reanalysis.paused,
                ~conditions.interpreted(),
                doubts.doubted(),
            )
            .select_from(Account)
            .outerjoin(Recording, Recording.id == recording_id)
            .outerjoin(Job, Job.recording_id == Recording.id)
            .outerjoin(Reanalysis, Reanalysis.id == Job.reanalysis_id)
            # Where it stands to the analyzer is long, and of no use to a page.
            .options(defer(Job.cursor), defer(Job.sources))
            .where(Account.id == (actor.account_id if actor is not None else None))
        )
        found = session.execute(asked).one_or_none()
        access.admitted(found[0] if found is not None else None)
        if found is None or found[1] is None:
            return None
        account, recording, job, sees, cares, agreed, kept, paused, unread, doubted = found
        if not sees:
            raise access.refusal("not_your_patient")
        if job is None:
            return None
        standing = standing_of(recording, job, not kept, unread, PAUSED if paused else hindered, doubted)
        status = _status(job, standing, writable=cares and account.role != Role.VIEWER)
        return _Seen(status, agreed, tracks.chosen_of(recording))


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
    # The first face may be the clinician's, at the camera: labels are shown once the patient's face is known.
    return stored.without_labels()


def active(db: Database, settings: Settings, actor: Actor, patient_id: str | None = None) -> list[ActiveJob]:
    """Return analyses that are queued, running or waiting for a choice of face, oldest first; of one patient, or all.

    `clinic.jobs.reanalysis` reports what a reanalysis has queued as a whole. Raises Forbidden.
    """
    hindered = obstacle(settings)
    with db.read() as session:
        account = access.acting(session, actor)
        asked = (
            select(Job, Recording, Patient, access.cares(account.id, Recording.patient_id))
            .join(Recording, Recording.id == Job.recording_id)
            .join(Patient, Patient.id == Recording.patient_id)
            .options(defer(Job.cursor), defer(Job.sources))
            .where(
                Job.state.in_(UNDER_WAY),
                Recording.patient_id.in_(access.visible(account)),
                or_(Job.reanalysis_id.is_(None), Job.state != JobState.QUEUED),
            )
            .order_by(Job.number, Job.id)
        )
        if patient_id is not None:
            asked = asked.where(Recording.patient_id == patient_id)
        writes = account.role != Role.VIEWER
        return [
            ActiveJob(
                _status(job, standing_of(recording, job, closed=False, obstacle=hindered), writes and cares),
                subject_of(recording, patient),
            )
            for job, recording, patient, cares in session.execute(asked)
        ]


def _status(job: Job, standing: RecordingStanding, writable: bool) -> JobStatus:
    now = clock.now()
    share = min(1.0, job.done_s / job.total_s) if job.total_s else None
    left_s = None
    # The pace is only the present holder's: an earlier holder's work took none of this time.
    done_now_s = job.done_s - job.resumed_s
    if job.state == JobState.RUNNING and job.started_at is not None and job.total_s and done_now_s > 0:
        running_s = (now - job.started_at).total_seconds()
        if running_s >= PACE_AFTER_S:
            left_s = running_s * max(0.0, job.total_s - job.done_s) / done_now_s
    return JobStatus(
        recording_id=job.recording_id,
        state=job.state,
        standing=standing,
        share=share,
        left_s=left_s,
        frames=job.frames,
        done_s=job.done_s,
        total_s=job.total_s,
        cancel_requested=job.cancel_requested,
        error_code=job.error_code,
        error_message=job.error_message,
        writable=writable,
    )
