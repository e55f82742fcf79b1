"""The audit: which user did what to which record, in rows chained by hashes and written together with the action.

Only ids and no names, so that erasing a patient leaves the audit whole and nameless. What a person typed is kept
beside the chain, in a table that goes with the patient; the chain holds its salted hash.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.phrases import counted
from db.engine import Database
from db.models import AuditRow, AuditText

NOTHING = "0" * 64
"""What the first row is chained to."""
WORD = re.compile(r"[\w+./:-]{1,64}")
"""A word of the program, an id or a hash: the only kind of text that the chain itself takes."""
SAME_VIEW = timedelta(minutes=15)
"""A page runs again at every click: within this time it is one view."""


_COLUMNS = (
    *(AuditRow.number, AuditRow.at, AuditRow.action, AuditRow.account_id, AuditRow.patient_id),
    *(AuditRow.recording_id, AuditRow.details, AuditRow.previous, AuditRow.sha256),
)


class AuditAction(StrEnum):
    """The actions that are logged."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 the name of an action
    PASSWORD_RESET = "password_reset"  # noqa: S105 the name of an action
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
    HAND_OVER_ASKED = "hand_over_asked"
    HAND_OVER_REFUSED = "hand_over_refused"
    TOKEN_MADE = "token_made"  # noqa: S105 the name of an action
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 the name of an action
    TOKEN_USED = "token_used"  # noqa: S105 the name of an action
    TAKEOVER_READ = "takeover_read"
    PATIENT_ADDED = "patient_added"
    PATIENT_CHANGED = "patient_changed"
    PATIENT_VIEWED = "patient_viewed"
    PATIENT_DELETED = "patient_deleted"
    PATIENT_EXPORTED = "patient_exported"
    PATIENT_IMPORTED = "patient_imported"
    VIDEO_COPY_ASKED = "video_copy_asked"
    VIDEO_COPY_CANCELLED = "video_copy_cancelled"
    REPORT_ASKED = "report_asked"
    REPORT_CANCELLED = "report_cancelled"
    REPORT_MADE = "report_made"
    SERIES_IMPORTED = "series_imported"
    SERIES_DELETED = "series_deleted"
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
    FACE_SPLIT = "face_split"
    FACE_REOPENED = "face_reopened"
    REANALYSIS_STARTED = "reanalysis_started"
    CONSENT_RECORDED = "consent_recorded"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    STATEMENT_ACCEPTED = "statement_accepted"
    VIDEO_VIEWED = "video_viewed"
    LIVE_VIEWED = "live_viewed"
    QUESTIONNAIRE_ADDED = "questionnaire_added"
    QUESTIONNAIRE_DELETED = "questionnaire_deleted"
    QUESTIONNAIRE_SCHEDULED = "questionnaire_scheduled"
    ANSWER_ACKNOWLEDGED = "answer_acknowledged"
    SCALE_DEFINED = "scale_defined"
    SCALE_RETIRED = "scale_retired"
    DEVICE_HANDED_OVER = "device_handed_over"
    DEVICE_GIVEN_BACK = "device_given_back"
    QUESTIONNAIRE_LEFT = "questionnaire_left"
    PIN_REFUSED = "pin_refused"
    MARK_ADDED = "mark_added"
    MARK_CHANGED = "mark_changed"
    MARK_DELETED = "mark_deleted"
    EVENT_ADDED = "event_added"
    EVENT_DELETED = "event_deleted"
    CONDITION_ADDED = "condition_added"
    CONDITION_ENDED = "condition_ended"
    CONDITION_CHANGED = "condition_changed"
    CONDITION_DELETED = "condition_deleted"
    DATA_SET_CHECKED = "data_set_checked"
    TRAINING_STARTED = "training_started"
    SEARCH_STARTED = "search_started"
    TUNING_STARTED = "tuning_started"
    TRAINING_PAUSED = "training_paused"
    TRAINING_RESUMED = "training_resumed"
    TRAINING_STOPPED = "training_stopped"
    TRAINING_EVALUATED = "training_evaluated"
    TRAINING_DELETED = "training_deleted"
    EXAMPLES_MADE = "examples_made"
    MODEL_PROMOTED = "model_promoted"
    MODEL_ROLLED_BACK = "model_rolled_back"
    CLOCK_JUMPED = "clock_jumped"
    CLOCK_CONFIRMED = "clock_confirmed"
    ZONE_CHANGED = "zone_changed"
    KEY_CHANGED = "key_changed"
    LOSS_ACCEPTED = "loss_accepted"


_CANONICAL = json.JSONEncoder(sort_keys=True).encode
"""Made once: a check of the chain writes each row."""


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a check of the chain found: `first_bad` is the number of the first wrong row, None where all are right.

    `head` is the hash of the last row. Rows cut off at the end leave a sound chain; only a head that was written
    down elsewhere reveals that.
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
    *,
    typed: str | None = None,
    **details: Any,
) -> None:
    """Add a row in the transaction of the action itself, which has to hold the write lock (`Database.session`).

    `details`: ids, numbers and words of the program; never a name. `typed`: what a person wrote about the patient, or
    what was changed, in words; it is deleted with the patient. Raises ValueError for other text in `details`.
    """
    _refuse_free_text(details)
    salt = secrets.token_hex(16)
    if typed is not None:
        details["typed_sha256"] = _text_digest(salt, typed)
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
    if typed is not None:
        session.add(AuditText(number=row.number, patient_id=patient_id, salt=salt, text=typed))
        session.flush()


def _refuse_free_text(details: Mapping[str, Any]) -> None:
    for value in details.values():
        for one in value if isinstance(value, list) else [value]:
            if not (
                one is None or isinstance(one, bool | int | float) or (isinstance(one, str) and WORD.fullmatch(one))
            ):
                raise ValueError("free text is no detail of the audit: it would outlive the patient")


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
    """Check the whole chain: whether each row, and each text that still exists, is unchanged."""
    expected, previous = 1, NOTHING
    # Columns and not objects: a clinic has a hundred thousand rows.
    chain = select(*_COLUMNS).order_by(AuditRow.number).execution_options(yield_per=5000)
    with db.read() as session, closing(session.execute(chain)) as rows:
        texts = _text_digests(session)
        for row in rows:
            wrong = _wrong(row, expected, previous) or _wrong_text(row, texts)
            if wrong is not None:
                return ChainCheck(expected - 1, previous, expected, f"The audit is not sound: {wrong}.")
            expected, previous = expected + 1, row.sha256
    said = f"The audit is sound: {counted(expected - 1, 'row')}. The last row's SHA-256 is {previous}."
    return ChainCheck(expected - 1, previous, None, said)


def _wrong(row: AuditRow | Row[Any], expected: int, previous: str) -> str | None:
    if row.number != expected:
        return f"row {expected} is missing"
    if row.previous != previous:
        return f"row {expected} does not follow from the row before it"
    if row.sha256 != _digest(row):
        return f"row {expected} was changed"
    return None


def _wrong_text(row: AuditRow | Row[Any], texts: Mapping[int, str]) -> str | None:
    """A text that was deleted with its patient is not missing."""
    if texts.get(row.number, row.details.get("typed_sha256")) != row.details.get("typed_sha256"):
        return f"the text of row {row.number} was changed"
    return None


def _text_digests(session: Session) -> dict[int, str]:
    return {kept.number: _text_digest(kept.salt, kept.text) for kept in session.scalars(select(AuditText))}


def _text_digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}:{text}".encode()).hexdigest()


def _digest(row: AuditRow | Row[Any]) -> str:
    said = [row.number, row.at.isoformat(), row.action, row.account_id, row.patient_id, row.recording_id, row.details]
    return hashlib.sha256(_CANONICAL([*said, row.previous]).encode()).hexdigest()
