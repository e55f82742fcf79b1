"""Every patient keeps a user who may change what is stored: a viewer can correct and withdraw nothing."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import phrases
from db.models import Access, Account, Role
from fer_core.errors import FerError


def need_writers(session: Session, patient_ids: Collection[str], instead: str, without: str | None = None) -> None:
    """Refuse what was just changed in this transaction if it leaves one of these patients to viewers alone.

    `instead`: what to do first, as a sentence. `without`: the id of an account that doesn't count, as it will give its
    patients away. Raises FerError ``last_clinician``.
    """
    session.flush()
    writers = (
        select(Access.patient_id)
        .join(Account, Account.id == Access.account_id)
        .where(Access.until.is_(None), Account.role != Role.VIEWER, Account.disabled_at.is_(None))
        .where(Account.id != (without or ""))
    )
    left = set(patient_ids) - set(session.scalars(writers.where(Access.patient_id.in_(patient_ids))))
    if not left:
        return
    whose = "this patient" if len(patient_ids) == 1 else f"each patient ({phrases.counted(len(left), 'patient')} here)"
    raise FerError(f"At least one user who may change {whose} has to remain. {instead}", "last_clinician")
