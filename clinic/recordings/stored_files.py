"""Which files of the media store jobs need: a store that lacks them is not the clinic's, or its disk is not mounted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from clinic import access
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.phrases import counted
from clinic.settings import Settings
from db.models import AuditRow, Consent, Job, JobState, Recording

FACE = "face"
"""The kind of a picture that this program made of the patient's face, among the files of a recording."""
_WAITING = Job.state.in_([JobState.QUEUED.value, JobState.RUNNING.value])
_READ = Job.state.in_([JobState.CHOOSING.value, JobState.DONE.value, JobState.PARTIAL.value])


@dataclass(frozen=True, slots=True)
class Expected:
    """Ids of files that should be in the store: those that are yet to be analysed, and those that were kept then.

    Each of the first is surely there. Of the second some may have gone, where the clinic kept no files for a while.
    """

    waiting: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()


def needed(session: Session, settings: Settings) -> set[str]:
    """Return the ids that a job has yet to read, and of those that were read such as this clinic keeps, if they may."""
    may_stay = Recording.patient_id.in_(consent.may_stay(Scope.KEEP_VIDEO))
    return _waiting(session) | _kept(session, settings, _sources().where(_READ, may_stay))


def expected(session: Session, settings: Settings) -> Expected:
    """Return which files should be there. A consent of after the analysis, or an import, says nothing of that."""
    by_consent = (
        _sources()
        .join(Consent, Consent.patient_id == Recording.patient_id)
        .where(
            _READ,
            Consent.scope == Scope.KEEP_VIDEO.value,
            Consent.withdrawn_at.is_(None),
            Consent.recorded_at <= Recording.analysed_at,
            ~access.staged(Recording.patient_id),
            Recording.patient_id.not_in(_imported()),
        )
    )
    return Expected(frozenset(_waiting(session)), frozenset(_kept(session, settings, by_consent)))


def missing(before: Expected, there: set[str], after: Expected) -> str | None:
    """Return in a sentence that files are missing, None where none is.

    `there`: the ids in the store, listed between the two questions: what ended meanwhile needs its file no more.
    """
    gone = (before.waiting & after.waiting) - there
    kept = before.kept & after.kept
    if gone:
        return f"Not in the media store: {counted(len(gone), 'file')} that analyses wait for."
    if kept and not kept & there:
        return (
            f"Not in the media store: {counted(len(kept), 'file')} of recordings whose consents allow keeping them, all"
            " that there are. If FER_KEEP_FILES or FER_KEEP_FACES was turned on only after these were analysed, this"
            " ends with the first file that is kept."
        )
    return None


def _sources() -> Select[list[dict[str, Any]]]:
    return select(Job.sources).join(Recording, Recording.id == Job.recording_id)


def _imported() -> Select[str | None]:
    came_in = AuditRow.action == AuditAction.PATIENT_IMPORTED.value, AuditRow.patient_id.is_not(None)
    return select(AuditRow.patient_id).where(*came_in)


def _waiting(session: Session) -> set[str]:
    return {one["id"] for found in session.scalars(_sources().where(_WAITING)) for one in found}


def _kept(session: Session, settings: Settings, sources: Select[list[dict[str, Any]]]) -> set[str]:
    if not settings.keeps_pictures:
        return set()
    return {one["id"] for found in session.scalars(sources) for one in found if _is_kept(settings, one)}


def _is_kept(settings: Settings, source: dict[str, Any]) -> bool:
    return settings.keep_faces if source.get("kind") == FACE else settings.keep_files
