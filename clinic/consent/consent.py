"""Consent: what a patient agrees to, from when and until when, and who recorded it. Without it nothing is done.

Days are those of the clinic's time zone. `clinic.erasure.withdrawal` says what withdrawing deletes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from clinic import access, clock, phrases
from clinic.access import Actor
from clinic.consent.scopes import SCOPES
from db.engine import Database
from db.models import Account, Consent, Patient
from db.models import Scope as Scope  # the pages know no tables
from db.moment import once
from fer_core.errors import FerError

ANALYSIS = (Scope.ANALYSE, Scope.KEEP_RESULTS)
"""What an analysis needs: its results are stored as it runs."""
WITHDRAWN = "consent_withdrawn"


class ConsentState(StrEnum):
    """The state of a patient's consent to one scope."""

    NEVER = "never"
    STANDS = "stands"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ConsentError(FerError):
    """A refusal because of a missing consent: ``no_consent``, ``consent_expired`` or ``consent_withdrawn``."""

    code = "no_consent"


@dataclass(frozen=True, slots=True)
class ConsentStatus:
    """How a patient's consent to a scope stands, and since when; everything else is None where it was never given.

    It holds up to and with `expires_on`; None: until it is withdrawn. `recorded_by` and `withdrawn_by` are names, None
    for an account of another installation.
    """

    scope: Scope
    state: ConsentState
    given_on: date | None = None
    expires_on: date | None = None
    document: str = ""
    recorded_by: str | None = None
    recorded_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """A consent to a scope with its last day; `over`: whether that day has passed."""

    scope: Scope
    last_day: date
    over: bool


def standings(db: Database, actor: Actor, patient_id: str) -> list[ConsentStatus]:
    """Return how the patient's consent to each scope stands. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        newest = newest_of(session, patient_id)
        names = _names_in(session, newest.values())
        return [_standing(session, scope, newest.get(scope), names) for scope in Scope]


def history(db: Database, actor: Actor, patient_id: str) -> list[ConsentStatus]:
    """Return everything that was recorded, the newest first. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        asked = select(Consent).where(Consent.patient_id == patient_id)
        rows = session.scalars(asked.order_by(Consent.number.desc(), Consent.scope)).all()
        names = _names_in(session, rows)
        return [_standing(session, row.scope, row, names) for row in rows]


def objection(db: Database, actor: Actor, patient_id: str, *scopes: Scope) -> ConsentError | None:
    """Return what `need` would raise, None where nothing is missing. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        return missing(session, patient_id, *scopes)


def need(session: Session, patient_id: str, *scopes: Scope) -> None:
    """Refuse unless the patient's consent to all these scopes stands today.

    Raises ConsentError ``no_consent``, ``consent_expired``, ``consent_withdrawn``.
    """
    refusal = missing(session, patient_id, *scopes)
    if refusal is not None:
        raise refusal


def missing(session: Session, patient_id: str, *scopes: Scope) -> ConsentError | None:
    """Return the refusal of the first scope whose consent doesn't stand today, None where all do."""
    day, newest = today(session), newest_of(session, patient_id)
    for scope in scopes:
        if _state(newest.get(scope), day) is not ConsentState.STANDS:
            return _refusal(session, scope, newest.get(scope))
    return None


def standing(session: Session, patient_id: str) -> list[Scope]:
    """Return the scopes to which the patient's consent stands today."""
    day, newest = today(session), newest_of(session, patient_id)
    return [scope for scope in Scope if _state(newest.get(scope), day) is ConsentState.STANDS]


def covered(session: Session, scope: Scope) -> Select[str]:
    """Return the query of the ids of the patients whose consent to the scope stands today."""
    return _covered(scope, today(session))


def ending(session: Session, within: timedelta) -> Select[str]:
    """Return the query of the ids of the patients who have a consent that ends within so long, or has ended.

    One that was withdrawn, or renewed since, is not among them.
    """
    return select(Consent.patient_id).where(*_ends(today(session) + within))


def endings(session: Session, patient_ids: Collection[str], within: timedelta) -> dict[str, list[Ending]]:
    """Return which consents of these patients end within so long, or have ended, as in `ending`; the earliest first."""
    day = today(session)
    rows = session.scalars(select(Consent).where(*_ends(day + within), Consent.patient_id.in_(patient_ids)))
    found: dict[str, list[Ending]] = {}
    for row in rows:
        if row.expires_on is not None:
            one = Ending(row.scope, row.expires_on, row.expires_on < day)
            found.setdefault(row.patient_id, []).append(one)
    return {patient_id: sorted(each, key=lambda one: one.last_day) for patient_id, each in found.items()}


def _ends(last_day: date) -> tuple[ColumnElement[bool], ...]:
    later = aliased(Consent)
    same = and_(later.patient_id == Consent.patient_id, later.scope == Consent.scope)
    renewed = exists().where(and_(same, later.number > Consent.number))
    return Consent.withdrawn_at.is_(None), Consent.expires_on <= last_day, ~renewed


def _covered(scope: Scope, day: date) -> Select[str]:
    return _unwithdrawn(scope).where(or_(Consent.expires_on.is_(None), Consent.expires_on >= day))


def stands(patient_id: Any, day: date, *scopes: Scope) -> ColumnElement[bool]:
    """Return the condition that a patient's consent to all these scopes stands that day; `patient_id` is a column."""
    found = [_covered(scope, day).where(Consent.patient_id == patient_id) for scope in scopes]
    return and_(*(one.correlate_except(Consent).exists() for one in found))


def may_stay(scope: Scope) -> Select[str]:
    """Return the query of the ids of the patients whose data under this scope need not be deleted.

    An expired consent closes and doesn't delete. Who has no consent at all is from before consents were recorded, and
    was not asked yet.
    """
    asked = exists().where(Consent.patient_id == Patient.id)
    return select(Patient.id).where(or_(Patient.id.in_(_unwithdrawn(scope)), ~asked))


def today(session: Session) -> date:
    """Return the day on which consents are judged: that of the clinic."""
    return clock.today(session)


def _unwithdrawn(scope: Scope) -> Select[str]:
    later = aliased(Consent)
    newer = exists().where(
        and_(
            later.patient_id == Consent.patient_id,
            later.scope == Consent.scope,
            or_(later.number > Consent.number, and_(later.number == Consent.number, later.id < Consent.id)),
        )
    )
    return select(Consent.patient_id).where(Consent.scope == scope, Consent.withdrawn_at.is_(None), ~newer)


def newest_of(session: Session, patient_id: str) -> dict[Scope, Consent]:
    """Return the patient's newest consent to each scope that was ever agreed to."""

    def ask() -> dict[Scope, Consent]:
        asked = select(Consent).where(Consent.patient_id == patient_id)
        rows = session.scalars(asked.order_by(Consent.number, Consent.id.desc()))
        return {row.scope: row for row in rows}

    return once(session, ("consents", patient_id), ask)


def _state(row: Consent | None, day: date) -> ConsentState:
    if row is None:
        return ConsentState.NEVER
    if row.withdrawn_at is not None:
        return ConsentState.WITHDRAWN
    expired = row.expires_on is not None and row.expires_on < day
    return ConsentState.EXPIRED if expired else ConsentState.STANDS


def _names_in(session: Session, rows: Iterable[Consent]) -> dict[str | None, str]:
    """Return the names of the accounts that recorded or withdrew these consents, by their ids."""
    ids = {by for row in rows for by in (row.recorded_by, row.withdrawn_by) if by is not None}
    # One by one: mostly it is the account that acts, which is read already.
    found = (session.get(Account, one) for one in ids)
    return {account.id: account.name for account in found if account is not None}


def _standing(session: Session, scope: Scope, row: Consent | None, names: dict[str | None, str]) -> ConsentStatus:
    if row is None:
        return ConsentStatus(scope, ConsentState.NEVER)
    return ConsentStatus(
        scope,
        _state(row, today(session)),
        row.given_on,
        row.expires_on,
        row.document,
        names.get(row.recorded_by),
        row.recorded_at,
        names.get(row.withdrawn_by),
        row.withdrawn_at,
    )


def _refusal(session: Session, scope: Scope, row: Consent | None) -> ConsentError:
    """Return the refusal of a consent that doesn't stand, with what to do about it."""
    to = f"consent to {SCOPES[scope]}"
    if row is None:
        where = "the patient's “Consent and sharing”"
        return ConsentError(f"No {to} is recorded. Please record it in {where}.", "no_consent")
    if row.withdrawn_at is not None:
        when = phrases.day(clock.day_of(session, row.withdrawn_at))
        return ConsentError(f"The patient's {to} was withdrawn on {when}.", WITHDRAWN)
    return ConsentError(
        f"The patient's {to} ended on {phrases.day(row.expires_on)}. Please record its renewal on the patient's page,"
        " or withdraw it there to delete what it covers.",
        "consent_expired",
    )
