"""Which files of the media store jobs need: a store that lacks them is not the clinic's, or its disk is not mounted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from clinic import access
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.phrases import counted
from clinic.recordings import store_mark
from clinic.recordings.store_mark import Mark
from clinic.settings import Settings
from db.models import AuditRow, Consent, Job, JobState, Recording
from fer_core.errors import FerError
from storage.media import MARK, MediaStore, open_store

ASKED_FIRST = 20
LOST = "lost"
"""The mark of a job's file whose loss was accepted."""
AWAY = "The folder of recordings can't be reached."
TELL = "Please tell your administrator."
CODE_AWAY = "store_away"
FACE = "face"
"""The kind of a picture that this program made of the patient's face, among the files of a recording."""
SWEPT_WITHIN = timedelta(days=3)
"""The files of before are gone so long after the clinic stopped keeping them, with a day in which no worker ran."""
_WAITING = Job.state.in_([JobState.QUEUED, JobState.RUNNING])
ANALYSED = Job.state.in_([JobState.CHOOSING, JobState.DONE, JobState.PARTIAL])


@dataclass(frozen=True, slots=True)
class Expected:
    """Ids of files that should be in the store: those that are yet to be analysed, and those that were kept then.

    Each of the first is surely there. Of the others, with when they were analysed (`faces`: pictures of the patient's
    face), some may have gone, where the clinic kept none for a while.
    """

    waiting: frozenset[str] = frozenset()
    files: Mapping[str, datetime] = field(default_factory=dict)
    faces: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def kept(self) -> frozenset[str]:
        """Those that were kept."""
        return frozenset(self.files) | frozenset(self.faces)


def needed(session: Session, settings: Settings) -> set[str]:
    """Return the ids that a job has yet to read, and of those that were read such as this clinic keeps, if they may."""
    may_stay = Recording.patient_id.in_(consent.may_stay(Scope.KEEP_VIDEO))
    return _waiting(session) | _kept(session, settings, _sources().where(ANALYSED, may_stay))


def analysed(session: Session) -> set[str]:
    """Return the ids of the files that were analysed, or whose analysis was cancelled."""
    ended = or_(ANALYSED, Job.state == JobState.CANCELLED)
    return {one["id"] for found in session.scalars(_sources().where(ended)) for one in found}


def expected(session: Session, settings: Settings) -> Expected:
    """Return which files should be there. A consent of after the analysis, or an import, says nothing of that."""
    by_consent = (
        select(Job.sources, Recording.analysed_at, Consent.expires_on)
        .join(Recording, Recording.id == Job.recording_id)
        .join(Consent, Consent.patient_id == Recording.patient_id)
        .where(
            ANALYSED,
            Consent.scope == Scope.KEEP_VIDEO,
            Recording.patient_id.in_(consent.may_stay(Scope.KEEP_VIDEO)),
            Consent.withdrawn_at.is_(None),
            Consent.recorded_at <= Recording.analysed_at,
            ~access.staged(Recording.patient_id),
            Recording.patient_id.not_in(_imported()),
        )
        .order_by(Recording.analysed_at)
    )
    files: dict[str, datetime] = {}
    faces: dict[str, datetime] = {}
    if settings.keeps_pictures:
        for sources, at, until in session.execute(by_consent):
            for one in sources:
                if _is_kept(settings, one) and not one.get(LOST) and (until is None or at.date() < until):
                    (faces if one.get("kind") == FACE else files).setdefault(one["id"], at)
    return Expected(frozenset(_waiting(session)), files, faces)


def missing(before: Expected, there: set[str], after: Expected) -> str | None:
    """Return in a sentence that files are missing, None where none is.

    `there`: the ids in the store, listed between the two questions: what ended meanwhile needs its file no more.
    """
    waiting, kept = before.waiting & after.waiting, before.kept & after.kept
    if gone := waiting - there:
        return f"Not in the media store: {len(gone)} of {counted(len(waiting), 'file')} that analyses wait for."
    if kept and not kept & there:
        return (
            f"Not in the media store: {counted(len(kept), 'file')} of recordings whose consents allow keeping them, all"
            " that there are. If FER_KEEP_FILES or FER_KEEP_FACES was turned on only after these were analysed, this"
            " ends with the first file that is kept."
        )
    if lost := {*_lost(before.files, there), *_lost(before.faces, there)} & kept:
        return (
            f"Not in the media store: {len(lost)} of {counted(len(kept), 'file')} of recordings whose consents allow"
            " keeping them. `lost-files` names the recordings, and `lost-files --accept` ends this."
        )
    return None


def _lost(kept: Mapping[str, datetime], there: set[str]) -> Iterable[str]:
    """Return the missing files that were surely kept: others from well before them still lie there.

    Where the clinic keeps none for a while, those of before are deleted too.
    """
    first = min((at for one, at in kept.items() if one in there), default=None)
    return [] if first is None else [one for one, at in kept.items() if one not in there and at > first + SWEPT_WITHIN]


def are_all_missing(named: Expected, there: Iterable[str]) -> bool:
    """Return whether files should be in the store and none is: it is another store, or its disk is not mounted."""
    ids = named.waiting | named.kept
    return bool(ids) and ids.isdisjoint(there)


def not_its_own(mark: Mark, named: Expected, there: Iterable[str]) -> str | None:
    """Return in a sentence that the store is not this clinic's, None where nothing is known against it."""
    if mark is Mark.OTHERS:
        return f"The media store is another clinic's: the id in its file {MARK} is not this clinic's."
    if mark is Mark.MISSING and (named.waiting | named.kept).isdisjoint(there):
        return f"The media store is not the one that was used before: that one has a file {MARK}."
    return None


def is_away(session: Session, settings: Settings, wanted: Iterable[str] = ()) -> bool:
    """Return whether the media store does not answer, is not this clinic's, or lacks all that it should hold.

    The last only while files wait in it. Where all of `wanted` lie in it, it is there. Raises MasterKeyError.
    """
    media, ids, waiting = open_store(settings), list(wanted), _waiting(session)
    try:
        # All files are listed only where these few are not there: each upload asks.
        if (ids and all(map(media.exists, ids))) or any(map(media.exists, islice(waiting, ASKED_FIRST))):
            return False
        mark = store_mark.look(settings, media, store_mark.own_id(session))
        if not waiting and mark in (Mark.OWN, Mark.NONE):
            # Whether files were ever kept is not known: without a mark, a new store is no reason to refuse a file.
            return False
        there = {file.id for file in media.files() if file.whole}
    except Exception:  # noqa: BLE001 any file system may be behind the URL, with errors of its own
        return True
    named = expected(session, settings)
    return not_its_own(mark, named, there) is not None or (bool(waiting) and are_all_missing(named, there))


def need_store(session: Session, settings: Settings) -> None:
    """Raise FerError ``store_away`` where nothing can be put into the media store, since it is not there."""
    if is_away(session, settings):
        raise FerError(f"{AWAY} Nothing can be added meanwhile. {TELL}", CODE_AWAY)
    media = open_store(settings)
    if not store_mark.is_put(settings, media, store_mark.own_id(session)):
        mark_store(session, settings, media, {file.id for file in media.files() if file.whole})


def are_there(session: Session, settings: Settings, ids: Iterable[str]) -> bool:
    """Return whether all of these files are in the media store. Raises FerError ``store_away`` where that is not there.

    Raises MasterKeyError, too.
    """
    media, wanted = open_store(settings), list(ids)
    try:
        if all(map(media.exists, wanted)):
            return True
        away = is_away(session, settings, wanted)
    except Exception:  # noqa: BLE001 any file system may be behind the URL, with errors of its own
        away = True
    if away:
        raise FerError(f"{AWAY} {TELL}", CODE_AWAY)
    return False


def mark_store(session: Session, settings: Settings, media: MediaStore, there: Iterable[str]) -> None:
    """Mark the store as the clinic's, unless it lacks all that it should hold; `there`: the ids that lie in it."""
    if not are_all_missing(expected(session, settings), there):
        store_mark.put(settings, media, store_mark.own_id(session))


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
