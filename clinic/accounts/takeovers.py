"""Actions by which administrators could reach patients of others: shown to the users concerned, from the audit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor, Role
from clinic.audit import AuditAction
from db.engine import Database
from db.models import Access, Account, AuditRow

LATELY = timedelta(days=90)
"""How long it is shown on the account's page, also after its owner has read it."""
OF_AN_ACCOUNT = (AuditAction.PASSWORD_RESET, AuditAction.SECOND_STEP_RESET, AuditAction.PROVIDER_LINKED)
"""Each of these lets an administrator sign in as another user."""
TAKEOVERS = (*OF_AN_ACCOUNT, AuditAction.CASELOAD_HANDED_OVER)


@dataclass(frozen=True, slots=True)
class Takeover:
    """One of `TAKEOVERS`: when, by whom (None: by the command line), to whose account, and for how many patients.

    `own`: it concerns the reader's account; `received`: the patients came to it. `number` is that of its last row in
    the audit.
    """

    number: int
    at: datetime
    action: AuditAction
    by: str | None
    account: str
    patients: int
    own: bool
    received: bool = False

    @property
    def to(self) -> str:
        """To whom the patients of a hand-over went, from the view of the reader."""
        return "you" if self.received else "another account"


def unread(db: Database, actor: Actor) -> list[Takeover]:
    """Return what the acting user has not confirmed to have read. Raises Forbidden."""
    with db.read() as session:
        account = access.acting(session, actor)
        return _found(session, account, AuditRow.number > account.read_up_to)


def lately(db: Database, actor: Actor) -> list[Takeover]:
    """Return what happened within `LATELY`, read or not. Raises Forbidden."""
    with db.read() as session:
        account = access.acting(session, actor)
        return _found(session, account, AuditRow.at > clock.now() - LATELY)


def read(db: Database, actor: Actor, number: int) -> None:
    """Remember that the acting user has read everything up to this number of the audit. Raises Forbidden."""
    with db.session() as session:
        account = access.acting(session, actor)
        last = session.scalar(select(func.max(AuditRow.number))) or 0
        account.read_up_to = max(account.read_up_to, min(number, last))
        audit.write(session, AuditAction.TAKEOVER_READ, account.id, upto=account.read_up_to)


def _found(session: Session, account: Account, when: object) -> list[Takeover]:
    rows = session.scalars(
        select(AuditRow)
        .where(when, AuditRow.action.in_([action.value for action in TAKEOVERS]))  # type: ignore[arg-type]
        .order_by(AuditRow.number)
    ).all()
    if not rows:
        return []
    mine = set(session.scalars(select(Access.patient_id).where(Access.account_id == account.id)))
    names = {known.id: known.name for known in session.scalars(select(Account))}
    found: dict[object, Takeover] = {}
    for row in rows:
        if row.account_id == account.id or not _concerns(row, account, mine):
            continue
        whose = row.details.get("account") or row.details.get("giver") or ""
        handed = row.action == AuditAction.CASELOAD_HANDED_OVER.value
        # One handover has a row for each patient.
        key = (row.account_id, whose, row.details.get("taker"), row.at.date()) if handed else row.number
        patients = (found[key].patients if key in found else 0) + handed
        by = names.get(row.account_id or "") if row.account_id else None
        own = whose == account.id
        found[key] = Takeover(
            row.number,
            row.at,
            AuditAction(row.action),
            by,
            names.get(whose, "an account"),
            patients,
            own,
            received=row.details.get("taker") == account.id,
        )
    return list(found.values())


def _concerns(row: AuditRow, account: Account, mine: set[str]) -> bool:
    """Return whether it is about this account or its patients, or done by another administrator than this one."""
    about = account.id in (row.details.get("account"), row.details.get("giver"), row.details.get("taker"))
    return about or row.patient_id in mine or account.role == Role.ADMINISTRATOR
