"""Actions on an analysis that was queued: cancelling, discarding and trying again."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.jobs import earlier_faces, leases, previews
from clinic.jobs.jobs import job_to_change
from clinic.patients.doubts import ASKED
from clinic.patients.states import REPLACED, UNDER_WAY, Replaced
from clinic.recordings import marks, stored_files, uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, JobState
from fer_core.errors import FerError


def cancel(db: Database, settings: Settings, actor: Actor, recording_id: str) -> None:
    """Stop an analysis: at once where it waits, within 5 s where it runs; its file and results are deleted.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    with db.session() as session:
        account, recording, job = job_to_change(session, actor, recording_id)
        if job is None or job.state not in UNDER_WAY:
            return
        audit.write(session, AuditAction.RECORDING_CANCELLED, account.id, recording.patient_id, recording_id)
    drop(db, settings, recording_id)


def discard(db: Database, settings: Settings, actor: Actor, recording_id: str) -> None:
    """Drop a recording that waits for the choice of the patient's face; its file and results are deleted.

    Where the face was to be chosen again, the results of the earlier choice are deleted with it.
    Raises Forbidden, FerError ``unknown_recording``, ``nothing_to_choose`` where somebody has decided meanwhile.
    """
    earlier: list[str] = []
    pictures: list[str] = []
    with db.session() as session:
        account, recording, job = job_to_change(session, actor, recording_id)
        if job is None or job.state != JobState.CHOOSING:
            raise FerError(
                "It was decided in the meantime, by another user or in another window, who the patient is."
                " Nothing was deleted.",
                "nothing_to_choose",
            )
        audit.write(session, AuditAction.RECORDING_CANCELLED, account.id, recording.patient_id, recording_id)
        _end(session, job)
        gone = leases.own_files(session, job)
        recording.settings = {**recording.settings, REPLACED: Replaced.ABSENT}
        if recording.settings.get(ASKED):
            earlier, pictures = earlier_faces.clear(session, recording, Replaced.ABSENT)
            marks.void(session, recording, account.id)
            marks.judge_again(session, recording)
    uploads.discard(settings, gone)
    previews.remove(settings, recording_id)
    if earlier:
        earlier_faces.discard(settings, earlier, pictures)
        db.forget_deleted()


def drop(db: Database, settings: Settings, recording_id: str) -> None:
    """Stop an analysis for a user whose right was checked before; see `cancel`."""
    with db.session() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        if job is None or job.state not in UNDER_WAY:
            return
        job.cancel_requested = True
        if job.state == JobState.RUNNING:
            return
        _end(session, job)
        gone = leases.own_files(session, job)
    uploads.discard(settings, gone)
    previews.remove(settings, recording_id)


def _end(session: Session, job: Job) -> None:
    job.cancel_requested = True
    job.state = JobState.CANCELLED
    job.finished_at = clock.now()
    leases.forget_results(session, job)


def retry(db: Database, settings: Settings, actor: Actor, recording_id: str) -> None:
    """Queue a failed analysis again.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``, ``upload_gone`` where its file is no longer kept,
    ``store_away`` where the media store is not there.
    """
    with db.session() as session:
        account, recording, job = job_to_change(session, actor, recording_id)
        if job is None or job.state != JobState.FAILED:
            return
        consent.need(session, recording.patient_id, *consent.ANALYSIS)
        if not stored_files.are_there(session, settings, [source["id"] for source in job.sources]):
            raise FerError("The file was deleted. Please upload it again.", "upload_gone")
        queue_again(job)
        audit.write(session, AuditAction.RECORDING_RETRIED, account.id, recording.patient_id, recording_id)


def queue_again(job: Job) -> None:
    """Put a failed job back into the queue, as if it had not been tried."""
    job.state = JobState.QUEUED
    job.attempts = 0
    job.cancel_requested = False
    job.error_code = job.error_message = job.started_at = job.finished_at = job.not_before = None


def can_retry(db: Database, settings: Settings, actor: Actor, recording_id: str) -> bool:
    """Return whether `retry` would queue the analysis again. Raises Forbidden, FerError ``unknown_recording``."""
    with db.read() as session:
        *_, job = job_to_change(session, actor, recording_id)
        if job is None or job.state != JobState.FAILED:
            return False
        ids = [source["id"] for source in job.sources]
        return uploads.stored(settings, ids) or stored_files.is_away(session, settings, ids)


def close_preview(db: Database, settings: Settings, actor: Actor, recording_id: str) -> None:
    """Delete the preview of a finished analysis, when the clinician has seen it.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    with db.read() as session:
        job_to_change(session, actor, recording_id)
    previews.remove(settings, recording_id)


def delete_files(db: Database, settings: Settings, recording_id: str) -> None:
    """Delete the recording's uploads and previews: to be called before a recording or its patient is deleted."""
    with db.read() as session:
        sources = session.scalar(select(Job.sources).where(Job.recording_id == recording_id)) or []
    uploads.discard(settings, [source["id"] for source in sources])
    previews.remove(settings, recording_id)
