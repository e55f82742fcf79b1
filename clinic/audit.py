"""The audit: who did what to whom, in rows that are chained by their hashes and written together with the deed.

Ids alone and no names, so that erasing a patient leaves the audit whole and nameless.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic import clock
from db.engine import Database
from db.models import AuditRow

NOTHING = "0" * 64
"""What the first row is chained to."""
SAME_VIEW = timedelta(minutes=15)
"""A page runs again at every click: within this time it is one view."""


class AuditAction(StrEnum):
    """What is written down."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 the name of a deed
    PASSWORD_RESET = "password_reset"  # noqa: S105 the name of a deed
    SECOND_STEP_ON = "second_step_on"
    SECOND_STEP_OFF = "second_step_off"
    SECOND_STEP_RESET = "second_step_reset"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    PROVIDER_LINKED = "provider_linked"
    PROVIDER_UNLINKED = "provider_unlinked"
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ROLE_CHANGED = "role_changed"
    CASELOAD_HANDED_OVER = "caseload_handed_over"
    PATIENT_ADDED = "patient_added"
    PATIENT_CHANGED = "patient_changed"
    PATIENT_VIEWED = "patient_viewed"
    PATIENT_DELETED = "patient_deleted"
    PATIENT_EXPORTED = "patient_exported"
    PATIENT_IMPORTED = "patient_imported"
    REPORT_MADE = "report_made"
    PATIENT_SHARED = "patient_shared"
    PATIENT_UNSHARED = "patient_unshared"
    EMERGENCY_ACCESS = "emergency_access"
    EMERGENCY_REFUSED = "emergency_refused"
    RECORDING_ADDED = "recording_added"
    RECORDING_CANCELLED = "recording_cancelled"
    RECORDING_RETRIED = "recording_retried"
    RECORDING_CHANGED = "recording_changed"
    RECORDING_DELETED = "recording_deleted"
    FACE_CHOSEN = "face_chosen"
    REANALYSIS_STARTED = "reanalysis_started"
    CONSENT_RECORDED = "consent_recorded"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    STATEMENT_ACCEPTED = "statement_accepted"
    VIDEO_VIEWED = "video_viewed"
    CLOCK_JUMPED = "clock_jumped"
    CLOCK_CONFIRMED = "clock_confirmed"
    ZONE_CHANGED = "zone_changed"


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a walk along the chain found: `first_bad` is the number of the first wrong row, None where all are right.

    `head` is the hash of the last row. Rows cut off at the end leave a sound chain: a head that was written down
    elsewhere earlier tells.
    """

    rows: int
    head: str
    first_bad: int | None
    sentence: str


def write(
    session: Session,
    action: AuditAction,
    account_id: str | None = None,
    patient_id: str | None = None,
    recording_id: str | None = None,
    **details: Any,
) -> None:
    """Add a row in the transaction of the deed itself, which has to hold the write lock (`Database.session`).

    `details`: ids, numbers and words of the program; never a name.
    """
    last = session.execute(select(AuditRow.number, AuditRow.sha256).order_by(AuditRow.number.desc()).limit(1)).first()
    row = AuditRow(
        number=last.number + 1 if last else 1,
        at=clock.now(),
        action=action.value,
        account_id=account_id,
        patient_id=patient_id,
        recording_id=recording_id,
        details=details,
        previous=last.sha256 if last else NOTHING,
    )
    row.sha256 = _digest(row)
    session.add(row)
    session.flush()


def viewed_lately(session: Session, account_id: str, patient_id: str) -> bool:
    """Return whether a view of this patient by this account was written down within `SAME_VIEW`.

    One from before the clock jumped says nothing of how long ago it was.
    """
    jumped = (
        select(func.max(AuditRow.number)).where(AuditRow.action == AuditAction.CLOCK_JUMPED.value).scalar_subquery()
    )
    found = select(AuditRow.number).where(
        AuditRow.number > func.coalesce(jumped, 0),
        AuditRow.patient_id == patient_id,
        AuditRow.account_id == account_id,
        AuditRow.action == AuditAction.PATIENT_VIEWED.value,
        clock.within(AuditRow.at, SAME_VIEW, clock.now()),
    )
    return session.scalar(found.limit(1)) is not None


def verify(db: Database) -> ChainCheck:
    """Walk along the whole chain and say whether each row is as it was written."""
    expected, previous = 1, NOTHING
    chain = select(AuditRow).order_by(AuditRow.number).execution_options(yield_per=1000)
    with db.read() as session, closing(session.scalars(chain)) as rows:
        for row in rows:
            wrong = _wrong(row, expected, previous)
            if wrong is not None:
                return ChainCheck(expected - 1, previous, expected, f"The audit is not sound: {wrong}.")
            expected, previous = expected + 1, row.sha256
            session.expunge(row)
    said = f"The audit is sound: {expected - 1} rows. The last row's SHA-256 is {previous}."
    return ChainCheck(expected - 1, previous, None, said)


def _wrong(row: AuditRow, expected: int, previous: str) -> str | None:
    if row.number != expected:
        return f"row {expected} is missing"
    if row.previous != previous:
        return f"row {expected} does not follow from the row before it"
    if row.sha256 != _digest(row):
        return f"row {expected} was changed"
    return None


def _digest(row: AuditRow) -> str:
    said = [row.number, row.at.isoformat(), row.action, row.account_id, row.patient_id, row.recording_id, row.details]
    return hashlib.sha256(json.dumps([*said, row.previous], sort_keys=True).encode()).hexdigest()
