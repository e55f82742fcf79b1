"""Waiting and running imports of archives: requested by a page, held by a worker under a lease.

While an import is queued or running its patient is staged (`clinic.access.staged`). It ends in one transaction: with
the patient on somebody's caseload, or, once its rows are deleted again, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import CursorResult, Select, delete, or_, select, update
from sqlalchemy.orm import Session

from clinic import access, clock
from clinic.access import Actor
from clinic.jobs.leases import LEASE_S, LONGEST_LEASE, LeaseLostError
from clinic.patients.doubles import doubles
from clinic.recordings import incoming, uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, Job, Patient, PatientImport, Recording, Sample
from db.models import JobState as JobState  # the pages know no tables
from fer_core.errors import Cancelled, FerError

MOST_WAITING = 5
"""Imports of one account that are not over."""
MAX_ATTEMPTS = 3
ROWS_AT_ONCE = 2000
"""Rows that are written, or deleted, with the write lock held: some hundredths of a second."""
ENDED_STAYS = timedelta(days=1)
"""How long the user's page shows how an import ended."""
INTERRUPTED = "import_interrupted"
UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


class StoppedError(Exception):
    """The worker is asked to end: another one starts the import again."""


@dataclass(frozen=True, slots=True)
class ImportStanding:
    """The progress of an import: its state, the share that is done, and how it ended.

    `patient_id`: of a done one. `doubles`: sentences about patients who may be the same person under another id.
    `stopping`: it shall be cancelled. `sentence` and `code`: why it failed.
    """

    id: str
    state: JobState
    share: float
    patient_id: str | None
    doubles: tuple[str, ...]
    stopping: bool
    sentence: str
    code: str

    @property
    def under_way(self) -> bool:
        """Whether it is not over."""
        return self.state in UNDER_WAY


@dataclass(frozen=True, slots=True)
class HeldImport:
    """An import that is held: by which token, for whose caseload, and where its archive is; both None: the console."""

    id: str
    token: int
    account_id: str | None
    upload_id: str | None


def begin(db: Database, settings: Settings, actor: Actor, upload_id: str) -> str:
    """Queue the archive of an upload that is wholly there, and return the import's id.

    Raises Forbidden, FerError ``upload_unknown``, ``upload_unfinished``, ``too_many_imports``.
    """
    with db.read() as session:
        access.require_writer(session, actor)
    incoming.opened(settings, upload_id, actor.account_id).close()
    with db.session() as session:
        account = access.require_writer(session, actor)
        waiting = session.scalars(_of(account.id).where(PatientImport.state.in_(UNDER_WAY))).all()
        if known := [one for one in waiting if one.upload_id == upload_id]:
            return known[0].id
        if len(waiting) >= MOST_WAITING:
            raise FerError("Your earlier imports are still running. Please wait.", "too_many_imports")
        made = PatientImport(account_id=account.id, upload_id=upload_id, created_at=clock.now())
        session.add(made)
        session.flush()
        return made.id


def standings(db: Database, actor: Actor) -> list[ImportStanding]:
    """Return the account's imports: those under way, and those that ended and were not dismissed.

    Raises Forbidden ``signed_out``.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        return [
            ImportStanding(
                id=one.id,
                state=one.state,
                share=one.share,
                patient_id=one.patient_id if one.state == JobState.DONE else None,
                doubles=_doubles(session, account, one),
                stopping=one.cancel_requested,
                sentence=one.error_message or "",
                code=one.error_code or "",
            )
            for one in session.scalars(_of(account.id).order_by(PatientImport.number))
        ]


def _doubles(session: Session, account: Account, one: PatientImport) -> tuple[str, ...]:
    if one.state != JobState.DONE or one.patient_id is None:
        return ()
    still = session.scalar(
        select(Patient.id).where(Patient.id == one.patient_id, Patient.id.in_(access.visible(account)))
    )
    return tuple(doubles(session, one.patient_id, account).sentences()) if still is not None else ()


def cancel(db: Database, actor: Actor, import_id: str) -> None:
    """Ask for the end of an own import that is under way, or forget one that ended; one that is gone is no error.

    Raises Forbidden ``signed_out``.
    """
    with db.session() as session:
        account = access.acting(session, actor)
        found = session.scalar(_of(account.id).where(PatientImport.id == import_id))
        if found is None:
            return
        if found.state in UNDER_WAY:
            found.cancel_requested = True
        else:
            session.delete(found)


def _of(account_id: str) -> Select[PatientImport]:
    return select(PatientImport).where(PatientImport.account_id == account_id)


def hold_new(db: Database, account_id: str | None) -> HeldImport:
    """Return an import that is held from its start, for a caller that has the archive."""
    with db.session() as session:
        made = PatientImport(account_id=account_id, created_at=clock.now())
        session.add(made)
        session.flush()
        return _hold(made, "")


def claim(db: Database, worker: str) -> HeldImport | None:
    """Take the import that has waited longest, or one whose holder died; None without one."""
    if not anything_waits(db):
        return None
    with db.session() as session:
        found = session.scalar(_waiting())
        return None if found is None else _hold(found, worker)


def anything_waits(db: Database) -> bool:
    """Return whether `claim` would find an archive. For a worker."""
    with db.read() as session:
        return session.scalar(_waiting()) is not None


def _waiting() -> Select[PatientImport]:
    lost = ~clock.pending(PatientImport.lease_until, LONGEST_LEASE, clock.now())
    running = PatientImport.state == JobState.RUNNING
    waits = or_(PatientImport.state == JobState.QUEUED, running & lost)
    return select(PatientImport).where(waits).order_by(PatientImport.number, PatientImport.id).limit(1)


def _hold(found: PatientImport, worker: str) -> HeldImport:
    found.state, found.worker = JobState.RUNNING, worker
    found.attempts += 1
    found.lease_token += 1
    found.lease_until = clock.now() + timedelta(seconds=LEASE_S)
    return HeldImport(found.id, found.lease_token, found.account_id, found.upload_id)


@contextmanager
def writing(db: Database, held: HeldImport, **values: Any) -> Iterator[Session]:
    """Open a transaction in which the import is surely held, and renew the lease. `values`: what else its row gets.

    Raises LeaseLostError, and Cancelled where it shall end, before anything is written.
    """
    with db.session() as session:
        _renew(session, held, values)
        if session.scalar(select(PatientImport.cancel_requested).where(PatientImport.id == held.id)):
            raise Cancelled
        yield session


def _renew(session: Session, held: HeldImport, values: dict[str, Any]) -> None:
    until = clock.now() + timedelta(seconds=LEASE_S)
    mine = (PatientImport.id == held.id, PatientImport.lease_token == held.token)
    changed = session.execute(
        update(PatientImport)
        .where(*mine, PatientImport.state == JobState.RUNNING)
        .values(lease_until=until, **values)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(changed, CursorResult) or changed.rowcount != 1:
        raise LeaseLostError(job_gone=False)


def give_back(db: Database, held: HeldImport, blameless: bool = True) -> None:
    """Let another worker start it again. `blameless`: this try doesn't count. Raises LeaseLostError."""
    with db.session() as session:
        _renew(session, held, {})
        found = session.get_one(PatientImport, held.id)
        found.state = JobState.QUEUED
        found.attempts -= int(blameless)


def give_all_back(db: Database, worker: str) -> None:
    """Queue again what was held under this name: for a worker that has just started under it."""
    mine = (PatientImport.state == JobState.RUNNING, PatientImport.worker == worker)
    with db.read() as session:
        if session.scalar(select(PatientImport.id).where(*mine).limit(1)) is None:
            return
    with db.session() as session:
        session.execute(update(PatientImport).where(*mine).values(state=JobState.QUEUED))


def tried_too_often(db: Database, held: HeldImport) -> bool:
    """Return whether earlier workers died of it, or the archive can't exist any more."""
    with db.read() as session:
        attempts = session.scalar(select(PatientImport.attempts).where(PatientImport.id == held.id)) or 0
    return attempts > (MAX_ATTEMPTS if held.upload_id is not None else 1)


def end(
    session: Session, held: HeldImport, state: JobState, code: str | None = None, sentence: str | None = None
) -> None:
    """End the import, within `writing`."""
    found = session.get_one(PatientImport, held.id)
    found.state, found.error_code, found.error_message = state, code, sentence
    found.lease_until, found.ended_at = None, clock.now()


def end_badly(db: Database, held: HeldImport, state: JobState, error: FerError) -> None:
    """End an import of which nothing is left, with the reason. Raises LeaseLostError."""
    with db.session() as session:
        _renew(session, held, {})
        end(session, held, state, error.code, error.message)


def interrupted() -> FerError:
    """Return the error of an import that ended for no reason of its own."""
    sentence = "The import was interrupted, and nothing of it was kept. Please import the archive again."
    return FerError(sentence, INTERRUPTED)


def clear(db: Database, settings: Settings, held: HeldImport) -> None:
    """Delete what is staged of an import, rows a few at a time, and its files. Raises LeaseLostError."""
    with db.read() as session:
        patient_id = session.scalar(select(PatientImport.patient_id).where(PatientImport.id == held.id))
        if patient_id is None:
            return
        recordings = list(session.scalars(select(Recording.id).where(Recording.patient_id == patient_id)))
        sources = session.scalars(select(Job.sources).where(Job.recording_id.in_(recordings))).all()
    # Before they were staged no other recording had one of these files (`imports`).
    uploads.discard(settings, {source["id"] for of_job in sources for source in of_job})
    for recording_id in recordings:
        while _delete_samples(db, held, recording_id):
            pass
    with db.session() as session:
        _renew(session, held, {"patient_id": None, "share": 0.0})
        session.execute(delete(Patient).where(Patient.id == patient_id))
    db.forget_deleted()


def _delete_samples(db: Database, held: HeldImport, recording_id: str) -> int:
    """Delete some samples of a recording; return how many."""
    with db.session() as session:
        _renew(session, held, {})
        mine = select(Sample.frame_index).where(Sample.recording_id == recording_id)
        last = session.scalar(mine.order_by(Sample.frame_index).offset(ROWS_AT_ONCE - 1).limit(1))
        some = delete(Sample).where(Sample.recording_id == recording_id)
        some = some if last is None else some.where(Sample.frame_index <= last)
        gone = session.execute(some.execution_options(synchronize_session=False))
        return gone.rowcount if isinstance(gone, CursorResult) and last is not None else 0


def sweep(db: Database) -> None:
    """Forget imports that ended a day ago."""
    old = (PatientImport.state.not_in(UNDER_WAY), PatientImport.ended_at < clock.now() - ENDED_STAYS)
    with db.session() as session:
        session.execute(delete(PatientImport).where(*old))
