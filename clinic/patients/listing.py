"""The caseload a page at a time: searched, filtered and sorted by the database, however many patients there are."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, collate, func, select
from sqlalchemy.orm import Session

from clinic import access, clock
from clinic.access import Actor
from clinic.consent import consent
from clinic.consent.consent import Ending, Scope
from clinic.patients import conditions, digests, needs
from clinic.patients.digests import SmallTrend
from clinic.patients.fields import NOTE_MAX
from clinic.patients.needs import Need
from clinic.patients.states import counted
from db.engine import Database
from db.models import Access, Account, Patient, Recording
from db.room import DiskFullError
from db.search import found_by

PAGE = 50


class Order(StrEnum):
    """The order of the list. By name, patients who need attention come first; nothing ranks them further."""

    NEEDS_YOU = "needs_you"
    NAME = "name"
    LAST_SEEN = "last_seen"


class Only(StrEnum):
    """Which patients are listed."""

    ALL = "all"
    NEEDS_YOU = "needs_you"
    NO_CONSENT = "no_consent"
    NO_RECORDING = "no_recording"


@dataclass(frozen=True, slots=True)
class CaseloadQuery:
    """The request for a page: patients whose name, code or note holds `search`; `page` counts from 0."""

    search: str = ""
    order: Order = Order.NEEDS_YOU
    only: Only = Only.ALL
    page: int = 0


@dataclass(frozen=True, slots=True)
class CaseloadLine:
    """A patient's line in the caseload.

    `recordings`, `last_recorded_on`: of those that have a result or may still get one. Without the consent to keep the
    results (`closed`), none of them is shown and `trend` is None. `movement_only`: a condition of the face keeps its
    labels from being interpreted, so that `trend` has none, but the usable time. `emergency_until`: when the view ends,
    None where the patient is on the own caseload. `endings`: the consents that end soon or have ended.
    """

    id: str
    name: str
    code: str
    born_on: date | None
    demo: bool
    recordings: int
    last_recorded_on: date | None
    closed: bool
    movement_only: bool
    emergency_until: datetime | None
    needs: tuple[Need, ...]
    trend: SmallTrend | None
    endings: tuple[Ending, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the caseload: `found` patients match, on `pages` pages, of which this is number `page`, from 0."""

    lines: tuple[CaseloadLine, ...]
    found: int
    page: int
    pages: int


def page(db: Database, actor: Actor, asked: CaseloadQuery) -> Page:
    """Return a page of the own caseload, the last one where there are fewer pages than asked for.

    The search finds patients with all of its words, as `db.search` compares them.
    Raises Forbidden ``signed_out``, ``statement``.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        wanted = _wanted(session, account, asked)
        found = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
        pages = max(1, -(-found // PAGE))
        number = min(max(0, asked.page), pages - 1)
        ids = list(session.scalars(_ordered(session, wanted, asked.order).offset(number * PAGE).limit(PAGE)))
    # On a full disk the caseload is shown with the earlier trends.
    with suppress(DiskFullError):
        digests.refresh(db, ids)
    with db.read() as session:
        account = access.acting(session, actor)
        return Page(_lines(session, account, ids), found, number, pages)


def _wanted(session: Session, account: Account, asked: CaseloadQuery) -> Select[Any]:
    """Return the query of the patients that are asked for, joined with the account's access to them."""
    found = (
        select(Patient.id)
        .join(Access, Access.patient_id == Patient.id)
        .where(Access.account_id == account.id, Patient.id.in_(access.visible(account)))
        .where(found_by(Patient.search_key, asked.search[:NOTE_MAX]))
    )
    if asked.only is Only.NEEDS_YOU:
        found = found.where(needs.any_need(session))
    if asked.only is Only.NO_CONSENT:
        found = found.where(Patient.id.not_in(consent.covered(session, Scope.KEEP_RESULTS)))
    if asked.only is Only.NO_RECORDING:
        found = found.where(~_shown().exists())
    return found


def _ordered(session: Session, wanted: Select[Any], order: Order) -> Select[Any]:
    if order is Order.NEEDS_YOU:
        wanted = wanted.order_by(needs.any_need(session).desc())
    if order is Order.LAST_SEEN:
        wanted = wanted.order_by(_last().desc().nulls_last())
    return wanted.order_by(_by_name(session), Patient.number)


def _by_name(session: Session) -> ColumnElement[str]:
    """Return the order of the folded names: Ö is sorted with O and not after Z, whatever order the database has."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    return collate(Patient.search_key, "C") if postgresql else Patient.search_key.expression


def _readable(trend: SmallTrend | None, movement_only: bool) -> SmallTrend | None:
    return digests.without_labels(trend) if trend is not None and movement_only else trend


def _shown() -> Select[Any]:
    return select(Recording.id).where(*_own())


def _own() -> tuple[ColumnElement[bool], ...]:
    return Recording.patient_id == Patient.id, Recording.current.is_(True), counted()


def _last() -> Any:
    return select(func.max(Recording.recorded_on)).where(*_own()).scalar_subquery()


def _lines(session: Session, account: Account, ids: list[str]) -> tuple[CaseloadLine, ...]:
    count = select(func.count(Recording.id)).where(*_own()).scalar_subquery()
    open_ones = Patient.id.in_(consent.covered(session, Scope.KEEP_RESULTS))
    held = Patient.id.in_(conditions.not_interpreted(clock.today(session)))
    asked = (
        select(Patient, Access.until, count, _last(), open_ones, held)
        .join(Access, Access.patient_id == Patient.id)
        .where(Access.account_id == account.id, Patient.id.in_(access.visible(account)), Patient.id.in_(ids))
    )
    needed = needs.needs_of(session, ids)
    trends = digests.small_trends(session, ids)
    endings = consent.endings(session, ids, needs.ENDS_WITHIN)
    lines = {
        patient.id: CaseloadLine(
            id=patient.id,
            name=patient.name,
            code=patient.code,
            born_on=patient.born_on,
            demo=patient.demo,
            recordings=recordings,
            last_recorded_on=last,
            closed=not opened,
            movement_only=stiff,
            emergency_until=until,
            needs=tuple(needed.get(patient.id, ())) if until is None else (),
            trend=_readable(trends.get(patient.id), stiff) if opened else None,
            endings=tuple(endings.get(patient.id, ())),
        )
        for patient, until, recordings, last, opened, stiff in session.execute(asked)
    }
    return tuple(lines[patient_id] for patient_id in ids if patient_id in lines)
