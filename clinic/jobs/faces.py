"""The patient among several faces: choosing, splitting a face that turns into another person, and choosing again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.jobs import candidates as faces_seen
from clinic.jobs import earlier_faces, jobs, kept_faces, pictures, previews, reanalysis, tracks
from clinic.jobs.jobs import job_key, job_to_change
from clinic.patients import digests
from clinic.patients.doubts import ASKED
from clinic.patients.states import UNDER_WAY, Replaced
from clinic.recordings import marks, stored_files
from clinic.settings import Settings
from clinic.training_queue import uses
from db.engine import Database
from db.models import Job, JobState, Recording, RecordingKind
from fer_core.errors import FerError

FILE_GONE = (
    "The file and the results of other faces were deleted, so another face can't be chosen any more. A stretch that"
    " shows somebody else can still be marked as not the patient."
)
ANOTHER_RUNS = "Another analysis of this recording is still running."


@dataclass(frozen=True, slots=True)
class RenewedChoice:
    """The newest analysis of a recording, which asks again whose face is the patient's: its id, and its state."""

    recording_id: str
    state: JobState


def candidates(db: Database, settings: Settings, actor: Actor, recording_id: str) -> list[faces_seen.Candidate]:
    """Return the faces to choose among, the one seen most first, each with a small picture where one was kept.

    Of pictures, those of each in their order; where an earlier version of the program gave faces of several pictures
    one number, each gets its own first. Raises Forbidden, ConsentError, FerError ``unknown_recording``.
    """
    with db.read() as session:
        _, recording, job = job_to_change(session, actor, recording_id)
        consent.need(session, recording.patient_id, *consent.ANALYSIS)
        if not (_is_open(job) and pictures.joined(session, recording)):
            return faces_seen.candidates(session, settings, recording_id)
    with db.session() as session:
        _, recording, job = job_to_change(session, actor, recording_id)
        if _is_open(job):
            pictures.number_apart(session, recording)
        return faces_seen.candidates(session, settings, recording_id)


def choose_track(
    db: Database,
    settings: Settings,
    actor: Actor,
    recording_id: str,
    track: int | Collection[int],
    seen: str | None = None,
    same: bool | None = None,
) -> None:
    """Keep only the patient's face, and make the summary; results and pictures of everyone else are deleted.

    `track`: one number, or several where the patient was lost and found again. A moment without the patient becomes one
    without a label, with its reason. `seen`: what was on the screen (`faces.drawn`). `same`: whether it is the person
    of the earlier result, as the user says; None where only the place of the faces decides. Where it is chosen again,
    or where another version of the visit shows another face, the results of the earlier choice and the marks on it are
    deleted.

    Raises Forbidden, ConsentError, ConflictError, FerError ``unknown_recording``, ``nothing_to_choose``,
    ``two_people``, ValueError for a track that is not there.
    """
    chosen = [track] if isinstance(track, int) else list(track)
    earlier: list[str] = []
    small: list[str] = []
    with db.session() as session:
        account, recording, job = job_to_change(session, actor, recording_id)
        if job is None or not _is_open(job):
            raise FerError("The face of this recording has already been chosen.", "nothing_to_choose")
        consent.need(session, recording.patient_id, *consent.ANALYSIS)
        earlier_faces.need_as_drawn(session, recording, seen)
        pictures.number_apart(session, recording)
        tracks.need_one_person(session, recording, chosen)
        another = recording.settings.get(ASKED) or (
            not same if same is not None else earlier_faces.shown_another(session, recording, chosen)
        )
        if another:
            earlier, small = earlier_faces.clear(session, recording, Replaced.CHOSEN)
            marks.void(session, recording, account.id)
            uses.face_corrected(session, recording.patient_id)
        tracks.keep(session, recording, chosen, how="clinician")
        if another:
            marks.judge_again(session, recording)
        job.state = JobState.PARTIAL if recording.partial else JobState.DONE
        job.finished_at = clock.now()
        audit.write(session, AuditAction.FACE_CHOSEN, account.id, recording.patient_id, recording_id)
    if earlier:
        earlier_faces.discard(settings, earlier, small)
        db.forget_deleted()
    kept_faces.keep(db, settings, recording_id, chosen)
    previews.keep_patient(settings, recording_id, chosen)


def drawn(db: Database, actor: Actor, recording_id: str) -> str:
    """Return what a choice of the face rests on as it is drawn, which the choice states as seen.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    with db.read() as session:
        _, recording, _ = job_to_change(session, actor, recording_id)
        return earlier_faces.drawn(session, recording)


def split(
    db: Database, settings: Settings, actor: Actor, recording_id: str, track: int, at_s: float, seen: str | None = None
) -> None:
    """Split a face that turns into another person at a moment (seconds), while a face is to be chosen.

    `seen`: what was on the screen (`drawn`). Raises Forbidden, ConsentError, ConflictError, FerError
    ``unknown_recording``, ``nothing_to_choose``, ``nothing_to_split``.
    """
    with db.session() as session:
        account, recording, job = job_to_change(session, actor, recording_id)
        if not _is_open(job) or recording.kind != RecordingKind.VIDEO:
            raise FerError("The face of this recording has already been chosen.", "nothing_to_choose")
        consent.need(session, recording.patient_id, *consent.ANALYSIS)
        earlier_faces.need_as_drawn(session, recording, seen)
        new = tracks.split(session, recording, track, at_s)
        audit.write(session, AuditAction.FACE_SPLIT, account.id, recording.patient_id, recording_id)
        # Within the transaction: where the pictures can't be separated, the faces stay one.
        previews.split(settings, recording_id, track, at_s, new)


def stays(db: Database, settings: Settings, actor: Actor, recording_id: str) -> str | None:
    """Return why another face can't be chosen, None where it can. Raises Forbidden, FerError ``unknown_recording``."""
    with db.read() as session:
        _, recording, _ = job_to_change(session, actor, recording_id)
        return _stays(session, settings, recording)


def leaves_a_result(db: Database, actor: Actor, recording_id: str) -> bool:
    """Return whether the result of another version stays where this one is discarded (`control.discard`).

    Raises Forbidden, FerError ``unknown_recording``.
    """
    with db.read() as session:
        _, recording, _ = job_to_change(session, actor, recording_id)
        return not recording.settings.get(ASKED) and bool(earlier_faces.others(session, recording))


def choose_again(db: Database, settings: Settings, actor: Actor, recording_id: str) -> str:
    """Analyse a kept file again and ask for the patient's face; return the id of the new version.

    Until the choice is made the result so far is shown and does not count (`clinic.patients.doubts`).
    Raises Forbidden, FerError ``unknown_recording``, ``choice_stays``.
    """
    with db.session() as session:
        account, recording, _ = job_to_change(session, actor, recording_id)
        why = _stays(session, settings, recording)
        if why is not None:
            raise FerError(why, "choice_stays")
        visit = _of_visit(recording)
        asked = {ASKED: session.scalar(select(func.count()).where(visit)) or 0}
        key = job_key(recording.version_of or recording.id, recording.model_sha256, {**recording.settings, **asked})
        priority = jobs.VIDEO_PRIORITY if recording.kind == RecordingKind.VIDEO else jobs.PICTURES_PRIORITY
        version = reanalysis.add_version(session, recording, recording.model_sha256, key, asked, priority)
        digests.forget(session, recording.patient_id)
        uses.face_corrected(session, recording.patient_id)
        audit.write(session, AuditAction.FACE_REOPENED, account.id, recording.patient_id, recording_id)
        return version


def renewed_choice(db: Database, actor: Actor, recording_id: str) -> RenewedChoice | None:
    """Return the newest request to choose the face again, None without one or where a newer analysis was asked for.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.require_reader_of(session, actor, recording.patient_id)
        newest = session.execute(
            select(Recording, Job.state)
            .join(Job, Job.recording_id == Recording.id)
            .where(_of_visit(recording))
            .order_by(Recording.number.desc())
            .limit(1)
        ).first()
        if newest is None or not newest[0].settings.get(ASKED):
            return None
        return RenewedChoice(newest[0].id, newest[1])


def _stays(session: Session, settings: Settings, recording: Recording) -> str | None:
    refusal = consent.missing(session, recording.patient_id, *reanalysis.NEEDED)
    if refusal is not None:
        return refusal.message
    of_visit = select(Job.state).join(Recording, Recording.id == Job.recording_id).where(_of_visit(recording))
    if session.scalar(of_visit.where(Job.state.in_(UNDER_WAY)).limit(1)) is not None:
        return ANOTHER_RUNS
    if reanalysis.files_there(session, settings, recording):
        return None
    # Where no file is kept, a missing one raises no question.
    if settings.keep_files and stored_files.is_away(session, settings):
        return f"{stored_files.AWAY} {stored_files.TELL}"
    return FILE_GONE


def _is_open(job: Job | None) -> bool:
    return job is not None and job.state == JobState.CHOOSING


def _of_visit(recording: Recording) -> ColumnElement[bool]:
    visit_id = recording.version_of or recording.id
    return or_(Recording.id == visit_id, Recording.version_of == visit_id)
