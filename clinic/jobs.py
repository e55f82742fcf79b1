"""Analyses as the pages see them: handed in, followed, cancelled, tried again, and who of several faces is meant."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from clinic import previews, tracks, uploads
from clinic.settings import Settings
from clinic.uploads import Upload
from db.engine import Database
from db.models import Job, JobState, Patient, Recording, Sample
from fer_core.errors import FerError
from fer_core.model_card import ModelCard

PACE_AFTER_S = 2.0
"""The time left is told from this running time on: earlier the pace is not known."""
PICTURES_PRIORITY, VIDEO_PRIORITY = 10, 0

ACTIVE = (JobState.QUEUED.value, JobState.RUNNING.value, JobState.CHOOSING.value)
ENDED_WELL = (JobState.DONE.value, JobState.PARTIAL.value)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What came of handing in files.

    `duplicate`: the same files were analysed (or wait) for this patient with this model and these settings;
    `recording_id` is that recording and nothing was queued. `also_elsewhere`: another patient has the same files.
    """

    recording_id: str
    duplicate: bool = False
    also_elsewhere: bool = False


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


def enqueue(
    db: Database,
    settings: Settings,
    patient_id: str,
    files: Sequence[Upload],
    recorded_on: date,
    note: str = "",
    every_s: float = 0.2,
    model_sha256: str | None = None,
) -> Enqueued:
    """Queue one video or one or more pictures of one visit; the same files again give the stored recording.

    `every_s`: seconds between the samples of a video. `model_sha256`: the model, by default the shipped one.
    The files of a duplicate or of a refusal are deleted.
    Raises FerError ``mixed_files`` unless it is one video or pictures alone, ``unknown_patient``.
    """
    try:
        kind = _kind_of(files)
        recording = Recording(
            patient_id=patient_id,
            kind=kind,
            recorded_on=recorded_on,
            note=note,
            source_name=files[0].name if len(files) == 1 else f"{len(files)} pictures",
            source_sha256=_digest(files),
            model_sha256=model_sha256 or ModelCard.load().sha256,
            settings={"every_s": every_s} if kind == "video" else {},
            created_at=datetime.now(UTC),
        )
        with db.session() as session:
            found = _queue(session, recording, files)
    except BaseException:
        uploads.discard(settings, [file.id for file in files])
        raise
    if found.duplicate:
        uploads.discard(settings, [file.id for file in files])
    return found


def status(db: Database, recording_id: str) -> JobStatus | None:
    """Return where the recording's analysis stands, or None for a recording without one (one indexed query)."""
    with db.read() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        return None if job is None else _status(job, datetime.now(UTC))


def active(db: Database) -> list[ActiveJob]:
    """Return what is queued, running or waits for a choice of face, oldest first."""
    with db.read() as session:
        rows = session.execute(
            select(Job, Recording.patient_id, Patient.name, Recording.recorded_on, Recording.kind)
            .join(Recording, Recording.id == Job.recording_id)
            .join(Patient, Patient.id == Recording.patient_id)
            .where(Job.state.in_(ACTIVE))
            .order_by(Job.created_at)
        )
        now = datetime.now(UTC)
        return [ActiveJob(_status(job, now), patient_id, name, day, kind) for job, patient_id, name, day, kind in rows]


def cancel(db: Database, settings: Settings, recording_id: str) -> None:
    """Stop an analysis: at once where it waits, within 5 s where it runs; its file and results are deleted."""
    with db.session() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        if job is None or job.state not in ACTIVE:
            return
        job.cancel_requested = True
        if job.state == JobState.RUNNING.value:
            return
        job.state = JobState.CANCELLED.value
        job.finished_at = datetime.now(UTC)
        session.execute(delete(Sample).where(Sample.recording_id == recording_id))
        gone = [source["id"] for source in job.sources]
    uploads.discard(settings, gone)
    previews.remove(settings, recording_id)


def retry(db: Database, settings: Settings, recording_id: str) -> None:
    """Queue a failed analysis again. Raises FerError ``upload_gone`` where its file is no longer kept."""
    with db.session() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        if job is None or job.state != JobState.FAILED.value:
            return
        if not uploads.stored(settings, [source["id"] for source in job.sources]):
            raise FerError("The file is no longer kept. Please upload it again.", "upload_gone")
        job.state = JobState.QUEUED.value
        job.attempts, job.done_s, job.frames, job.total_s = 0, 0.0, 0, None
        job.cancel_requested = False
        job.error_code = job.error_message = job.started_at = job.finished_at = None


def can_retry(db: Database, settings: Settings, recording_id: str) -> bool:
    """Return whether `retry` would queue the analysis again."""
    with db.read() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        if job is None or job.state != JobState.FAILED.value:
            return False
        return uploads.stored(settings, [source["id"] for source in job.sources])


def candidates(db: Database, settings: Settings, recording_id: str) -> list[tracks.Candidate]:
    """Return the faces to choose among, the one seen most first, each with a small picture where one was kept."""
    with db.read() as session:
        return tracks.candidates(session, settings, recording_id)


def choose_track(db: Database, settings: Settings, recording_id: str, track: int | Collection[int]) -> None:
    """Keep the patient's face alone, and make the summary; results and pictures of everyone else are deleted.

    `track`: one number, or several where the patient was lost and found again. A moment without the patient
    becomes one without a face. Raises FerError ``nothing_to_choose``, ValueError for a track that is not there.
    """
    chosen = [track] if isinstance(track, int) else list(track)
    with db.session() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        if job is None or job.state != JobState.CHOOSING.value:
            raise FerError("There is no choice to make for this recording any more.", "nothing_to_choose")
        recording = session.get_one(Recording, recording_id)
        tracks.keep(session, recording, chosen, how="clinician")
        job.state = (JobState.PARTIAL if recording.partial else JobState.DONE).value
        job.finished_at = datetime.now(UTC)
    previews.remove_thumbnails(settings, recording_id)


def preview(settings: Settings, recording_id: str) -> previews.StoredPreview | None:
    """Return the latest sampled frame of a running analysis with its faces, or None while there is none."""
    return previews.read_preview(settings, recording_id)


def close_preview(settings: Settings, recording_id: str) -> None:
    """Delete the preview of an analysis that is over, when the clinician has seen it."""
    previews.remove(settings, recording_id)


def delete_files(db: Database, settings: Settings, recording_id: str) -> None:
    """Delete the recording's uploads and previews: to be called before a recording or its patient is deleted."""
    with db.read() as session:
        sources = session.scalar(select(Job.sources).where(Job.recording_id == recording_id)) or []
    uploads.discard(settings, [source["id"] for source in sources])
    previews.remove(settings, recording_id)


def _kind_of(files: Sequence[Upload]) -> str:
    """Return ``"video"`` or ``"pictures"``. Raises FerError for anything else."""
    kinds = {file.kind for file in files}
    if kinds == {"video"} and len(files) == 1:
        return "video"
    if kinds == {"image"}:
        return "pictures"
    raise FerError("Please choose either one video, or one or more pictures.", "mixed_files")


def _queue(session: Session, recording: Recording, files: Sequence[Upload]) -> Enqueued:
    """Add the recording and its job, or find the recording that has these files already."""
    if session.get(Patient, recording.patient_id) is None:
        raise FerError("This patient is no longer in the list.", "unknown_patient")
    same_files = list(session.scalars(select(Recording).where(Recording.source_sha256 == recording.source_sha256)))
    elsewhere = any(other.patient_id != recording.patient_id for other in same_files)
    for other in same_files:
        if other.patient_id == recording.patient_id and _same_analysis(session, other, recording):
            return Enqueued(other.id, duplicate=True, also_elsewhere=elsewhere)
    session.add(recording)
    session.flush()
    session.add(
        Job(
            recording_id=recording.id,
            priority=VIDEO_PRIORITY if recording.kind == "video" else PICTURES_PRIORITY,
            sources=[file.as_source() for file in files],
            created_at=recording.created_at,
        )
    )
    return Enqueued(recording.id, also_elsewhere=elsewhere)


def _same_analysis(session: Session, stored: Recording, asked: Recording) -> bool:
    """Return whether a recording of the same files has, or will have, the very result that is asked for."""
    if stored.model_sha256 != asked.model_sha256 or stored.settings.get("every_s") != asked.settings.get("every_s"):
        return False
    state = session.scalar(select(Job.state).where(Job.recording_id == stored.id))
    return state in (*ACTIVE, *ENDED_WELL)


def _digest(files: Sequence[Upload]) -> str:
    """Return one SHA-256 for the files: a single file's own; of several, that of theirs in a fixed order."""
    if len(files) == 1:
        return files[0].sha256
    return hashlib.sha256("".join(sorted(file.sha256 for file in files)).encode()).hexdigest()


def _status(job: Job, now: datetime) -> JobStatus:
    share = min(1.0, job.done_s / job.total_s) if job.total_s else None
    left_s = None
    if job.state == JobState.RUNNING.value and job.started_at is not None and share:
        running_s = (now - job.started_at).total_seconds()
        if running_s >= PACE_AFTER_S:
            left_s = running_s * (1 - share) / share
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
