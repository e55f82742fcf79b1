"""A camera watched live, of a patient or of nobody: who may, with which consent, and that it is written down."""

from __future__ import annotations

from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.accounts import sessions
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients import conditions
from db.engine import Database
from db.models import Account

HELD = "held"
"""In place of a status, where a condition of the face lets no label be shown."""


def begin(db: Database, actor: Actor, patient_id: str | None) -> None:
    """Check that the actor may watch the patient, or nobody (None), live, and write it down.

    Raises Forbidden, ConsentError, FerError ``unknown_patient``.
    """
    with db.session() as session:
        account = _allowed(session, actor, patient_id)
        audit.write(session, AuditAction.LIVE_VIEWED, account.id, patient_id)


def remaining_s(db: Database, actor: Actor, patient_id: str | None) -> float:
    """Ask again while somebody watches; return in how many seconds the sign-in ends unless the person does something.

    Raises what `begin` raises, and Forbidden ``signed_out``.
    """
    with db.read() as session:
        _allowed(session, actor, patient_id)
    left_s = sessions.remaining_s(db, actor)
    if left_s <= 0:
        raise access.refusal("signed_out")
    return left_s


def holds_back(db: Database, patient_id: str | None) -> bool:
    """Return whether no label of this patient is to be shown, because of a condition of the face."""
    with db.read() as session:
        return patient_id is not None and conditions.unread(session, patient_id, clock.today(session))


def _allowed(session: Session, actor: Actor, patient_id: str | None) -> Account:
    if patient_id is None:
        return access.require_writer(session, actor)
    account = access.require_writer_of(session, actor, patient_id)
    consent.need(session, patient_id, Scope.ANALYSE)
    return account
