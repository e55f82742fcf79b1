"""Reports as work of a worker: request, follow, cancel.

A worker makes them (clinic/worker/reporting.py). The user who requested a report downloads it once, like any download.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError
from clinic.exchange import downloads, lease
from clinic.exchange.downloads import Kind
from clinic.patients.caseload import PatientDetail
from clinic.patients.record_state import state_of
from clinic.reports import reports
from clinic.reports.content import ReportScope
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, JobState, ReportJob

LOST = "The report stopped unexpectedly three times. Please request it again, or ask for help."


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """How a report stands: `error` where it failed, `ticket` where it can be fetched.

    `share`: how much of the work is done. `before`: how many reports are made before it.
    """

    id: str
    kind: Kind
    state: JobState
    error: str | None
    ticket: str | None
    asked_at: datetime
    share: float = 0.0
    before: int = 0

    @property
    def open(self) -> bool:
        """Whether it is still to be made."""
        return self.state in lease.OPEN


@dataclass(frozen=True, slots=True)
class ReportClaim:
    """A report that a worker holds by `token`. `actor`: who asked for it; `seen`: the record's state on the screen."""

    id: str
    token: int
    patient_id: str
    actor: Actor
    asked: ReportScope
    kind: Kind
    seen: str


def ask(
    db: Database, actor: Actor, patient_id: str, asked: ReportScope, kind: Kind, shown: PatientDetail | None = None
) -> str:
    """Queue a report and return its id; one that is still open is not asked for twice, and another one replaces it.

    `kind`: PDF or HTML. `shown`: the patient as on the screen where it was asked for, None where there was none. Raises
    what `clinic.reports.reports.prepare` raises, but ``font_missing``.
    """
    with db.read() as session:
        seen = state_of(session, patient_id)
    reports.check(db, actor, patient_id, asked, shown)
    wanted = {"asked": _written(asked), "kind": kind.value, "seen": seen}
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        if state_of(session, patient_id) != seen:
            raise ConflictError("this patient's record", frozenset())
        known = _newest(session, patient_id, account.id)
        if known is not None and known.state in lease.OPEN and not known.cancel_requested:
            if wanted == {"asked": known.asked, "kind": known.kind, "seen": known.seen}:
                return known.id
            _cancel(known)
        job = ReportJob(patient_id=patient_id, account_id=account.id, created_at=clock.now(), **wanted)
        session.add(job)
        session.flush()
        audit.write(session, AuditAction.REPORT_ASKED, account.id, patient_id, asked.recording_id, kind=kind.value)
        return job.id


def standing(db: Database, settings: Settings, actor: Actor, patient_id: str) -> ReportStatus | None:
    """Return how the acting user's last request for a report stands, None without one, or once it was fetched.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        account = access.require_writer_of(session, actor, patient_id)
        job = _newest(session, patient_id, account.id)
        if job is None:
            return None
        how = (Kind(job.kind), job.state, job.error_message, job.ticket)
        found = ReportStatus(job.id, *how, job.created_at, job.share, _before(session, job))
    if found.ticket is not None and not downloads.waits(settings, found.ticket):
        return None
    return found


def cancel(db: Database, actor: Actor, patient_id: str) -> None:
    """Cancel the acting user's report: at once while it waits, before it can be fetched while it is made.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        job = _newest(session, patient_id, account.id)
        if job is None or job.state not in lease.OPEN:
            return
        _cancel(job)
        audit.write(session, AuditAction.REPORT_CANCELLED, account.id, patient_id)


def claim(db: Database) -> ReportClaim | None:
    """Take the report that waits longest, or whose worker died; None where there is none. For the worker alone."""
    with db.read() as session:
        if lease.waiting(session, ReportJob) is None:
            return None
    with db.session() as session:
        job = lease.waiting(session, ReportJob)
        if job is None:
            return None
        over = lease.over(job)
        if over is not None:
            _end(job, over, LOST if over is JobState.FAILED else None)
            return None
        token, job.share = lease.take(job), 0.0
        account = session.get_one(Account, job.account_id)
        actor = Actor(account.id, "", account.name, account.role)
        asked = _read(job.asked or {})
        return ReportClaim(job.id, token, job.patient_id, actor, asked, Kind(job.kind), job.seen)


def held(db: Database, claimed: ReportClaim) -> AbstractContextManager[None]:
    """Hold a claimed report as long as it is made. For the worker alone."""
    return lease.kept(db, ReportJob, claimed.id, claimed.token)


def progress(db: Database, claimed: ReportClaim, share: float) -> bool:
    """Note how much is done; return False where the report was cancelled or taken over."""
    with db.session() as session:
        job = lease.held(session, ReportJob, claimed.id, claimed.token)
        if job is None or job.cancel_requested:
            return False
        job.share = share
        return True


def end(
    db: Database, claimed: ReportClaim, state: JobState, ticket: str | None = None, message: str | None = None
) -> bool:
    """End a report; return whether it is as this worker says: it is not where it was cancelled or taken over."""
    with db.session() as session:
        job = lease.held(session, ReportJob, claimed.id, claimed.token)
        if job is None:
            return False
        cancelled = job.cancel_requested
        _end(job, JobState.CANCELLED if cancelled else state, None if cancelled else message)
        job.ticket = None if cancelled else ticket
        return not cancelled


def _cancel(job: ReportJob) -> None:
    job.cancel_requested = True
    if job.state == JobState.QUEUED:
        _end(job, JobState.CANCELLED, None)


def _end(job: ReportJob, state: JobState, message: str | None) -> None:
    """End a report; what was written for it is not kept."""
    job.state, job.error_message, job.asked, job.lease_until = state, message, None, None


def _newest(session: Session, patient_id: str, account_id: str) -> ReportJob | None:
    mine = select(ReportJob).where(ReportJob.patient_id == patient_id, ReportJob.account_id == account_id)
    return session.scalar(mine.order_by(ReportJob.number.desc()).limit(1))


def _before(session: Session, job: ReportJob) -> int:
    """Return how many reports a worker makes before one that waits."""
    if job.state != JobState.QUEUED:
        return 0
    earlier = select(func.count()).where(ReportJob.state.in_(lease.OPEN), ReportJob.number < job.number)
    return session.scalar(earlier) or 0


def _written(asked: ReportScope) -> dict[str, Any]:
    """Return what is asked for as JSON keeps it."""
    return {
        "begin": asked.begin.isoformat() if asked.begin else None,
        "end": asked.end.isoformat() if asked.end else None,
        "recording_id": asked.recording_id,
        "notes": sorted(asked.notes),
        "patient_note": asked.patient_note,
        "remark": asked.remark,
    }


def _read(kept: dict[str, Any]) -> ReportScope:
    days = {name: date.fromisoformat(kept[name]) if kept[name] else None for name in ("begin", "end")}
    return ReportScope(**(kept | days | {"notes": frozenset(kept["notes"])}))
