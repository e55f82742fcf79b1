"""Withdrawing consent: what runs is stopped within seconds, and what the consent covered is deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backup import erasures
from backup.erasures import Erasure
from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError, shown_as
from clinic.consent import giving
from clinic.consent.consent import Scope
from clinic.erasure import deletion
from clinic.exchange import downloads
from clinic.jobs import control
from clinic.patients.states import ENDED_WELL, UNDER_WAY
from clinic.recordings import uploads
from clinic.settings import Settings
from clinic.training_queue import uses
from db.engine import Database
from db.models import Consent, ImportedSeries, Job, JobState, Recording, TrainingUse
from db.room import DiskFullError
from fer_core.errors import FerError


@dataclass(frozen=True, slots=True)
class Covered:
    """What a withdrawal ends and deletes: analyses that are not over, stored files, recordings with their results,
    imported series of other programs, and records of use in trainings (`uses`). `of`: which ones, so that one that goes
    and one that comes are another."""

    analyses: int
    files: int
    recordings: int
    series: int = 0
    uses: int = 0
    of: str = field(default="", compare=False)


NOTHING = Covered(0, 0, 0)
STANDS = "The consent still stands, and analyses go on: please withdraw it again as soon as this is put right."
WITHDRAWN = "The consent is withdrawn. What it covered and is still there is deleted as soon as this is put right."


@dataclass(slots=True)
class _Work:
    """What there is to do: recordings whose analysis is stopped, files to delete, recordings to erase (the first
    versions: the others go with them)."""

    stopped: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)


def covered(db: Database, settings: Settings, actor: Actor, patient_id: str, scopes: Collection[Scope]) -> Covered:
    """Return what withdrawing these scopes would end and delete. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        return _counted(session, settings, patient_id, scopes)


def withdraw(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str,
    scopes: Collection[Scope],
    seen: int | None = None,
    seen_counts: Covered | None = None,
) -> Covered:
    """Withdraw the patient's consent to these scopes and delete what they cover; return what that was.

    A running analysis is stopped within 5 s, and its file and unfinished results go then. `seen`: the revision of the
    patient's consents that was on the screen, `seen_counts`: what it said would be deleted; each None without a screen.
    Raises Forbidden, ConflictError, DiskFullError, FerError ``unknown_patient``, ``erasures_unwritable``.
    """
    with _adding(STANDS), db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        giving.edit(session, patient_id, scopes, seen, "withdrawn")
        counts = _counted(session, settings, patient_id, scopes)
        if seen_counts is not None and counts.of != seen_counts.of:
            raise ConflictError("what is stored of this patient", frozenset())
        asked = select(Consent).where(Consent.patient_id == patient_id, Consent.withdrawn_at.is_(None))
        rows = session.scalars(asked.where(Consent.scope.in_(scopes))).all()
        # An earlier backup must not bring them back.
        erasures.remember(settings.erasures_path, *(Erasure("consent", row.id, {}) for row in rows))
        for row in rows:
            row.withdrawn_at, row.withdrawn_by = clock.now(), account.id
        audit.write(session, AuditAction.CONSENT_WITHDRAWN, account.id, patient_id, scopes=sorted(scopes))
    with _adding(WITHDRAWN):
        _delete(db, settings, patient_id, scopes, account.id)
    return counts


@contextmanager
def _adding(so: str) -> Iterator[None]:
    """Add to the error of a disk that can't be written to what it means for the consent."""
    try:
        yield
    except DiskFullError as error:
        raise DiskFullError(so) from error
    except FerError as error:
        if error.code != "erasures_unwritable":
            raise
        raise FerError(f"{error.message} {so}", error.code) from error


def finish(db: Database, settings: Settings) -> int:
    """Complete withdrawals that the program's end interrupted; return how many.

    A withdrawn consent that a backup brought back is withdrawn again first. A patient who is still being imported waits
    until the whole import is there.
    """
    _withdraw_again(db, settings)
    with db.read() as session:
        withdrawn = select(Consent).where(Consent.withdrawn_at.is_not(None), ~access.staged(Consent.patient_id))
        rows = session.scalars(withdrawn)
        ended = {(row.patient_id, row.scope) for row in rows}
        left = [
            (patient_id, scope)
            for patient_id, scope in ended
            if not _renewed(session, patient_id, scope) and _counted(session, settings, patient_id, [scope]) != NOTHING
        ]
    for patient_id, scope in left:
        _delete(db, settings, patient_id, [scope], None)
    return len(left)


def _withdraw_again(db: Database, settings: Settings) -> None:
    known = {one.erased_id: one.at for one in erasures.known(settings.erasures_path) if one.kind == "consent"}
    standing = select(Consent.id).where(Consent.withdrawn_at.is_(None), ~access.staged(Consent.patient_id))
    with db.read() as session:
        back = known.keys() & set(session.scalars(standing))
    for consent_id in back:
        with db.session() as session:
            row = session.get(Consent, consent_id)
            if row is not None:
                row.withdrawn_at = known[consent_id]


def _renewed(session: Session, patient_id: str, scope: Scope) -> bool:
    """Return whether a later consent to the scope was recorded, so that what is there is covered by that."""
    asked = select(Consent).where(Consent.patient_id == patient_id, Consent.scope == scope)
    return session.scalar(asked.where(Consent.withdrawn_at.is_(None)).limit(1)) is not None


def _counted(session: Session, settings: Settings, patient_id: str, scopes: Collection[Scope]) -> Covered:
    work = _work(session, patient_id, scopes)
    held = [upload_id for upload_id in work.files if uploads.stored(settings, [upload_id])]
    imported = select(ImportedSeries.id).where(ImportedSeries.patient_id == patient_id)
    series = list(session.scalars(imported)) if Scope.KEEP_RESULTS in scopes else []
    used = select(TrainingUse.id).where(TrainingUse.patient_id == patient_id)
    trained = list(session.scalars(used)) if Scope.TRAIN in scopes else []
    of = shown_as(work.stopped, held, work.erased, series, trained)
    return Covered(len(work.stopped), len(held), len(work.erased), len(series), len(trained), of)


def _work(session: Session, patient_id: str, scopes: Collection[Scope]) -> _Work:
    """Return what these scopes cover."""
    work = _Work()
    asked = select(Recording, Job).outerjoin(Job, Job.recording_id == Recording.id)
    for recording, job in session.execute(asked.where(Recording.patient_id == patient_id)):
        if Scope.KEEP_RESULTS in scopes:
            work.erased.add(recording.version_of or recording.id)
        if job is None:
            continue
        sources = {source["id"] for source in job.sources}
        again = recording.version_of is not None
        if job.state in UNDER_WAY:
            # A reanalysis uses a kept file; a new file is deleted with its analysis.
            stopping = {Scope.ANALYSE, Scope.KEEP_RESULTS} | ({Scope.KEEP_VIDEO} if again else set())
            work.stopped |= {recording.id} if stopping & set(scopes) else set()
        if Scope.KEEP_VIDEO in scopes and job.state in (*ENDED_WELL, JobState.CHOOSING):
            work.files |= sources
        if Scope.ANALYSE in scopes and job.state == JobState.FAILED and not again:
            work.files |= sources
    return work


def _delete(
    db: Database, settings: Settings, patient_id: str, scopes: Collection[Scope], account_id: str | None
) -> None:
    if set(scopes) & set(uses.NEEDED):
        uses.end_of_patient(db, settings, patient_id)
    with db.read() as session:
        work = _work(session, patient_id, scopes)
    for recording_id in work.stopped:
        control.drop(db, settings, recording_id)
    uploads.discard(settings, work.files)
    for recording_id in work.erased:
        deletion.erase(db, settings, "recording", recording_id, account_id)
    if Scope.KEEP_RESULTS in scopes:
        with db.session() as session:
            session.execute(delete(ImportedSeries).where(ImportedSeries.patient_id == patient_id))
    if Scope.TRAIN in scopes:
        with db.session() as session:
            session.execute(delete(TrainingUse).where(TrainingUse.patient_id == patient_id))
    # Prepared downloads hold what may not leave any more.
    downloads.sweep(settings, everything=True)
    db.forget_deleted()
