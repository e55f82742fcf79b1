"""Access to a patient: colleagues with whom a clinician shares, and emergencies, for an hour and audited."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, texts
from clinic.access import EMERGENCY, Actor, Role
from clinic.accounts import throttle
from clinic.accounts.accounts import grant, name_key
from clinic.accounts.writers import need_writers
from clinic.audit import AuditAction
from clinic.conflicts import need_unchanged
from db.engine import Database
from db.folding import fold
from db.models import Access, Account, AuditRow, AuditText, Patient
from fer_core.errors import FerError

REASON_LEAST, REASON_MOST = 10, 500
SHOWN_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Reader:
    """An account that sees a patient; `until` is the end of an emergency, None for the caseload."""

    account_id: str
    name: str
    role: Role
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Event:
    """An action that the audit has on a patient: when, who, what, and an emergency's reason or which record it was."""

    at: datetime
    name: str | None
    action: AuditAction
    about: str


def readers(db: Database, actor: Actor, patient_id: str) -> list[Reader]:
    """Return who sees the patient now, in the order of their names. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        rows = session.execute(
            select(Account.id, Account.name, Account.role, Access.until)
            .join(Access, Access.account_id == Account.id)
            .where(Access.patient_id == patient_id, access.stands())
            .order_by(Account.name_key)
        )
        found = [Reader(account_id, name, role, until) for account_id, name, role, until in rows]
        return sorted(found, key=lambda reader: fold(reader.name))


def history(db: Database, actor: Actor, patient_id: str) -> list[Event]:
    """Return the actions on the patient, the latest first. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        rows = session.execute(
            select(AuditRow, Account.name, AuditText.text)
            .outerjoin(Account, Account.id == AuditRow.account_id)
            .outerjoin(AuditText, AuditText.number == AuditRow.number)
            .where(AuditRow.patient_id == patient_id)
            .order_by(AuditRow.number.desc())
            .limit(SHOWN_EVENTS)
        )
        # Reasons that earlier versions wrote stand in the row itself.
        return [
            Event(row.at, name, AuditAction(row.action), typed or row.details.get("reason", ""))
            for row, name, typed in rows
        ]


def share(db: Database, actor: Actor, patient_id: str, name: str, seen: int | None = None) -> None:
    """Put the patient on the caseload of the account called `name` too.

    `seen`: the revision of the patient's sharing that was on the screen, None where there was none.
    Raises Forbidden, ConflictError, FerError ``unknown_patient``, ``unknown_name``.
    """
    with db.session() as session:
        by = access.require_writer_of(session, actor, patient_id)
        taker = session.scalar(select(Account).where(Account.name_key == name_key(name), Account.disabled_at.is_(None)))
        if taker is None:
            raise FerError(
                "There is no active account with this name. Please ask how the name is spelled.", "unknown_name"
            )
        _edit(session, patient_id, seen)
        grant(session, taker.id, patient_id)
        audit.write(session, AuditAction.PATIENT_SHARED, by.id, patient_id, taker=taker.id)


def unshare(db: Database, actor: Actor, patient_id: str, account_id: str, seen: int | None = None) -> None:
    """Remove the patient from an account's caseload; one user who may change the patient has to remain.

    `seen` as in `share`. Raises Forbidden, ConflictError, FerError ``unknown_patient``, ``last_clinician``.
    """
    with db.session() as session:
        by = access.require_writer_of(session, actor, patient_id)
        given = session.get(Access, (account_id, patient_id))
        if given is None:
            return
        _edit(session, patient_id, seen)
        session.delete(given)
        need_writers(session, [patient_id], "Please share the patient with a colleague first.")
        audit.write(session, AuditAction.PATIENT_UNSHARED, by.id, patient_id, giver=account_id)


def _edit(session: Session, patient_id: str, seen: int | None) -> None:
    """Count a change of who sees the patient. Raises ConflictError."""
    patient = session.get_one(Patient, patient_id)
    need_unchanged("who sees this patient", seen, patient.sharing_revision)
    patient.sharing_revision += 1


def open_in_emergency(db: Database, actor: Actor, wanted: str, reason: str) -> str:
    """Let the acting user view a patient of another caseload for an hour, and return the patient's id.

    `wanted`: an id, or exactly the name or code; nothing is listed. Success and failure are logged.
    Guesses are slowed down like those at a password.
    Raises Forbidden, TooManyError, FerError ``no_reason``, ``name_in_reason``, ``not_found``.
    """
    reason = " ".join(unicodedata.normalize("NFC", reason).split())
    with db.read() as session:
        account = access.require_writer(session, actor)
    if not REASON_LEAST <= len(reason) <= REASON_MOST:
        raise FerError(f"Please give a reason of {REASON_LEAST} to {REASON_MOST} characters.", "no_reason")
    guesses = f"emergencies of {account.id}"
    throttle.charge(db, guesses)
    with db.session() as session:
        account = access.require_writer(session, actor)
        patient = _patient(session, wanted)
        named = patient is not None and any(
            name and _folded(name) in _folded(reason) for name in (patient.name, patient.code)
        )
        if patient is not None and not named:
            throttle.clear(session, guesses)
            grant(session, account.id, patient.id, clock.now() + EMERGENCY)
            audit.write(session, AuditAction.EMERGENCY_ACCESS, account.id, patient.id, typed=reason)
            return patient.id
        # Who is refused for the reason has learned that there is this patient.
        audit.write(session, AuditAction.EMERGENCY_REFUSED, account.id, patient.id if patient is not None else None)
    if named:
        raise FerError("Please give the reason without the patient's name.", "name_in_reason")
    raise FerError("There is no patient, or more than one, with exactly this name or code.", "not_found")


def _patient(session: Session, wanted: str) -> Patient | None:
    """Return the one patient with this id or name."""
    there = select(Patient).where(~access.staged(Patient.id))
    if re.fullmatch(r"[0-9a-f]{32}", wanted):
        return session.scalar(there.where(Patient.id == wanted))
    typed = _folded(wanted)
    found = session.scalars(there)
    named = [patient for patient in found if typed and typed in (_folded(patient.name), _folded(patient.code))]
    return named[0] if len(named) == 1 else None


def _folded(text: str) -> str:
    """Return the text as it is compared: without case, and without marks that are not seen."""
    with suppress(ValueError):
        text = texts.one_line(text)
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
