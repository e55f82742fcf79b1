"""Copies of kept videos with boxes and labels, all but the patient's face unrecognisable: request, follow, cancel.

A worker makes them (clinic/worker/copying.py). The user who requested the copy downloads it once, like any download.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, words
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.exchange import downloads, lease
from clinic.exchange.exports import NEEDED
from clinic.patients import conditions, doubts
from clinic.patients.states import DOUBTED_SENTENCE
from clinic.recordings import playback
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, JobState, Recording, VideoCopy
from fer_core.errors import FerError

SCOPES = (*NEEDED, Scope.KEEP_VIDEO)
LOST = "The copy stopped unexpectedly three times. Please request it again, or ask for help."


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """How far a copy is: `share` 0 to 1, `error` where it failed, `ticket` where it can be fetched."""

    id: str
    state: JobState
    share: float
    error: str | None
    ticket: str | None

    @property
    def open(self) -> bool:
        """Whether it is still to be made."""
        return self.state in lease.OPEN


@dataclass(frozen=True, slots=True)
class CopyClaim:
    """A copy that a worker holds by `token`."""

    id: str
    token: int
    recording_id: str
    patient_id: str
    account_id: str


def ask(db: Database, settings: Settings, actor: Actor, recording_id: str) -> str:
    """Queue a copy of a recording's kept video and return its id; one that is still open is not asked for twice.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``, ``no_video``, ``store_away``,
    ``not_interpreted``.
    """
    with db.read() as session:
        access.require_writer_of(session, actor, access.recording_of(session, recording_id).patient_id)
    if playback.kept(db, settings, actor, recording_id) is None:
        raise FerError("No video of this recording is kept.", "no_video")
    with db.session() as session:
        recording = access.recording_of(session, recording_id)
        account = access.require_writer_of(session, actor, recording.patient_id)
        consent.need(session, recording.patient_id, *SCOPES)
        need_labels(session, recording)
        known = _newest(session, recording_id, account.id)
        if known is not None and known.state in lease.OPEN and not known.cancel_requested:
            return known.id
        copy = VideoCopy(
            recording_id=recording_id,
            account_id=account.id,
            state=JobState.QUEUED,
            total_s=recording.duration_s,
            created_at=clock.now(),
        )
        session.add(copy)
        session.flush()
        audit.write(session, AuditAction.VIDEO_COPY_ASKED, account.id, recording.patient_id, recording_id)
        return copy.id


def need_labels(session: Session, recording: Recording) -> None:
    """Raise FerError ``not_interpreted`` where a recording's labels may not leave as the patient's.

    A condition of the face held on its day, or the patient's face is being chosen again.
    """
    if doubts.doubted_of(session, recording.patient_id, [recording]):
        raise FerError(DOUBTED_SENTENCE, "not_interpreted")
    if conditions.unread(session, recording.patient_id, recording.recorded_on):
        raise FerError(words.NOT_INTERPRETED_THEN, "not_interpreted")


def standing(db: Database, settings: Settings, actor: Actor, recording_id: str) -> CopyStatus | None:
    """Return the progress of the acting user's last request for a copy, None without one.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    with db.read() as session:
        account = access.require_writer_of(session, actor, access.recording_of(session, recording_id).patient_id)
        copy = _newest(session, recording_id, account.id)
        if copy is None:
            return None
        share = min(1.0, copy.done_s / copy.total_s) if copy.total_s else 0.0
        found = CopyStatus(copy.id, copy.state, share, copy.error_message, copy.ticket)
    if found.ticket is not None and not downloads.waits(settings, found.ticket):
        return None
    return found


def cancel(db: Database, actor: Actor, recording_id: str) -> None:
    """Cancel the acting user's copy: at once while it waits, within a second while it is made.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    with db.session() as session:
        recording = access.recording_of(session, recording_id)
        account = access.require_writer_of(session, actor, recording.patient_id)
        copy = _newest(session, recording_id, account.id)
        if copy is None or copy.state not in lease.OPEN:
            return
        copy.cancel_requested = True
        if copy.state == JobState.QUEUED:
            copy.state = JobState.CANCELLED
        audit.write(session, AuditAction.VIDEO_COPY_CANCELLED, account.id, recording.patient_id, recording_id)


def next_files(db: Database) -> list[str] | None:
    """Return the ids of the files of the copy that `claim` would look at, None where there is none."""
    with db.read() as session:
        copy = lease.waiting(session, VideoCopy)
        return None if copy is None else files_of(session, copy.recording_id)


def files_of(session: Session, recording_id: str) -> list[str]:
    """Return the ids of the stored files of a recording."""
    job = session.scalar(select(Job).where(Job.recording_id == recording_id))
    return [] if job is None else [source["id"] for source in job.sources]


def claim(db: Database) -> CopyClaim | None:
    """Take the copy that waits longest, or whose worker died; None where there is none. For the worker alone."""
    with db.read() as session:
        if lease.waiting(session, VideoCopy) is None:
            return None
    with db.session() as session:
        copy = lease.waiting(session, VideoCopy)
        if copy is None:
            return None
        over = lease.over(copy)
        if over is not None:
            copy.state, copy.error_message = over, LOST if over is JobState.FAILED else None
            return None
        token = lease.take(copy)
        patient_id = session.get_one(Recording, copy.recording_id).patient_id
        return CopyClaim(copy.id, token, copy.recording_id, patient_id, copy.account_id)


def progress(db: Database, claimed: CopyClaim, done_s: float) -> bool:
    """Write how far a copy is, renew the lease, and return whether it is still wanted and allowed."""
    with db.session() as session:
        copy = lease.held(session, VideoCopy, claimed.id, claimed.token)
        if copy is None or copy.cancel_requested:
            return False
        copy.done_s = done_s
        lease.renew(copy)
        return consent.missing(session, claimed.patient_id, *SCOPES) is None


def end(
    db: Database, claimed: CopyClaim, state: JobState, ticket: str | None = None, message: str | None = None
) -> bool:
    """End a copy or put it back; return whether it is as this worker says: not where it was cancelled or taken over."""
    with db.session() as session:
        copy = lease.held(session, VideoCopy, claimed.id, claimed.token)
        if copy is None:
            return False
        cancelled = copy.cancel_requested
        if cancelled:
            state, ticket = JobState.CANCELLED, None
        copy.state, copy.ticket, copy.error_message, copy.lease_until = state, ticket, message, None
        if state is JobState.QUEUED:
            copy.attempts -= 1
        return not cancelled


def _newest(session: Session, recording_id: str, account_id: str) -> VideoCopy | None:
    mine = select(VideoCopy).where(VideoCopy.recording_id == recording_id, VideoCopy.account_id == account_id)
    return session.scalar(mine.order_by(VideoCopy.number.desc()).limit(1))
