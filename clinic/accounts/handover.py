"""Moving a caseload to another account: requested by one administrator, confirmed by a second if there is one.

A request names its patients: those whom the caseload gets later stay where they are.

An administrator sees no patients of others, and could reach them only by a handover or with another user's password. So
nobody can hand patients to themselves, and the users concerned are notified at their next visit
(clinic/accounts/takeovers.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from clinic import audit, clock
from clinic.access import Actor, Forbidden, require_administrator
from clinic.accounts.accounts import account_of, edit, grant
from clinic.accounts.writers import need_writers
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError
from db.engine import Database
from db.models import Access, Account, HandOverPatient, HandOverRequest, Patient, Role
from fer_core.errors import FerError

NOT_TO_A_VIEWER = "Please choose a clinician, or let the patients be shared with one first."


@dataclass(frozen=True, slots=True)
class Request:
    """A caseload that waits to be handed over: names for the screen, and the ids of the patients who would move now.

    `left`: how many of those it was made for are no longer on the caseload; `since`: how many came to the caseload
    after it, and stay. `own`: the administrator who looks at it requested it, and so can't confirm it.
    """

    id: str
    giver: str
    taker: str
    asked_by: str
    patients: frozenset[str]
    left: int
    since: int
    own: bool


def hand_over(
    db: Database,
    actor: Actor,
    from_id: str,
    to_id: str,
    seen: int | None = None,
    shown: Collection[str] | None = None,
) -> int | None:
    """Move a whole caseload to another account, or request it from a second administrator if there is one.

    Return how many patients moved, None while it waits to be confirmed. `seen`: the revision of the giver's account
    that was on the screen, `shown`: the ids of the patients that were; None where there was no screen. Nothing moves
    where the caseload is another one now. Raises Forbidden ``to_oneself``, ConflictError, FerError ``unknown_account``,
    ``account_disabled`` for a taker who is, ``last_clinician`` where a patient would have viewers alone.
    """
    with db.session() as session:
        by, giver = require_administrator(session, actor), account_of(session, from_id)
        taker = _taker(session, to_id)
        if taker.id == by.id:
            raise Forbidden("You can't hand patients over to yourself. Please ask another administrator.", "to_oneself")
        edit(giver, seen)
        _need_shown(session, giver, shown)
        if not _another(session, by):
            return _move(session, by, giver, taker, _patients(session, giver.id))
        session.execute(delete(HandOverRequest).where(HandOverRequest.giver_id == giver.id))
        patients = _patients(session, giver.id)
        if taker.role == Role.VIEWER:
            need_writers(session, patients, NOT_TO_A_VIEWER, without=giver.id)
        asked = HandOverRequest(
            giver_id=giver.id, taker_id=taker.id, asked_by=by.id, patients=len(patients), created_at=clock.now()
        )
        session.add(asked)
        session.flush()
        session.add_all(HandOverPatient(request_id=asked.id, patient_id=one) for one in sorted(patients))
        audit.write(session, AuditAction.HAND_OVER_ASKED, by.id, giver=giver.id, taker=taker.id, patients=len(patients))
        return None


def waiting(db: Database, actor: Actor) -> list[Request]:
    """Return what waits to be confirmed, the oldest first. Raises Forbidden."""
    giver, taker, by = aliased(Account), aliased(Account), aliased(Account)
    found = (
        select(HandOverRequest, giver.name, taker.name, by.name)
        .join(giver, giver.id == HandOverRequest.giver_id)
        .join(taker, taker.id == HandOverRequest.taker_id)
        .join(by, by.id == HandOverRequest.asked_by)
        .order_by(HandOverRequest.created_at, HandOverRequest.id)
    )
    with db.read() as session:
        me = require_administrator(session, actor)
        return [_shown(session, one, me, *names) for one, *names in session.execute(found)]


def confirm(db: Database, actor: Actor, request_id: str, shown: Collection[str] | None = None) -> int:
    """Confirm another administrator's request for the patients it names; return how many moved.

    `shown`: the ids that were on the screen, as in `hand_over`. Raises ConflictError, Forbidden ``own_request``,
    FerError ``unknown_request``, ``account_disabled``, ``nobody_left`` where none of them is on the caseload any more,
    ``last_clinician``.
    """
    with db.session() as session:
        by, asked = require_administrator(session, actor), _request(session, request_id)
        if asked.asked_by == by.id:
            raise Forbidden("You requested this yourself. Another administrator has to confirm it.", "own_request")
        giver, taker = account_of(session, asked.giver_id), _taker(session, asked.taker_id)
        patients = _patients(session, giver.id) & _asked(session, asked.id)
        if shown is not None and patients != set(shown):
            raise ConflictError("this caseload", giver.revision)
        if not patients:
            raise FerError("None of these patients is on this caseload any more.", "nobody_left")
        session.delete(asked)
        return _move(session, by, giver, taker, patients)


def refuse(db: Database, actor: Actor, request_id: str) -> None:
    """Refuse the request. Raises Forbidden, FerError ``unknown_request``."""
    with db.session() as session:
        by, asked = require_administrator(session, actor), _request(session, request_id)
        session.delete(asked)
        audit.write(session, AuditAction.HAND_OVER_REFUSED, by.id, giver=asked.giver_id, taker=asked.taker_id)


def _move(session: Session, by: Account, giver: Account, taker: Account, patients: Collection[str]) -> int:
    for patient_id in sorted(patients) if giver.id != taker.id else ():
        session.delete(session.get_one(Access, (giver.id, patient_id)))
        grant(session, taker.id, patient_id)
        session.get_one(Patient, patient_id).sharing_revision += 1
        audit.write(session, AuditAction.CASELOAD_HANDED_OVER, by.id, patient_id, giver=giver.id, taker=taker.id)
    need_writers(session, patients, NOT_TO_A_VIEWER)
    return len(patients)


def _shown(session: Session, asked: HandOverRequest, me: Account, giver: str, taker: str, by: str) -> Request:
    held, named = _patients(session, asked.giver_id), _asked(session, asked.id)
    patients = held & named
    left, since = asked.patients - len(patients), len(held - named)
    return Request(asked.id, giver, taker, by, patients, left, since, asked.asked_by == me.id)


def _asked(session: Session, request_id: str) -> frozenset[str]:
    named = select(HandOverPatient.patient_id).where(HandOverPatient.request_id == request_id)
    return frozenset(session.scalars(named))


def _patients(session: Session, account_id: str) -> frozenset[str]:
    held = select(Access.patient_id).where(Access.account_id == account_id, Access.until.is_(None))
    return frozenset(session.scalars(held))


def _need_shown(session: Session, giver: Account, shown: Collection[str] | None) -> None:
    if shown is not None and _patients(session, giver.id) != set(shown):
        raise ConflictError("this caseload", giver.revision)


def _taker(session: Session, account_id: str) -> Account:
    taker = account_of(session, account_id)
    if taker.disabled_at is not None:
        raise FerError("The account that would receive the patients is disabled.", "account_disabled")
    return taker


def _another(session: Session, account: Account) -> bool:
    """Return whether there is a second administrator who can sign in."""
    others = select(Account.id).where(
        Account.role == Role.ADMINISTRATOR, Account.disabled_at.is_(None), Account.id != account.id
    )
    return session.scalar(others.limit(1)) is not None


def _request(session: Session, request_id: str) -> HandOverRequest:
    asked = session.get(HandOverRequest, request_id)
    if asked is None:
        raise FerError("This was confirmed or refused in the meantime.", "unknown_request")
    return asked
