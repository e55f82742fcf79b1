"""Recording a consent: what a patient agreed to, and from when until when; each is counted as an edit."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy.orm import Session

from clinic import access, audit, clock, phrases, texts
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import Difference, need_unchanged
from clinic.consent.consent import newest_of
from clinic.consent.scopes import SCOPES
from db.engine import Database
from db.models import Consent, Patient, Scope
from fer_core.errors import FerError

DOCUMENT_MAX = 200


def record(
    db: Database,
    actor: Actor,
    patient_id: str,
    scopes: Collection[Scope],
    given_on: date,
    expires_on: date | None = None,
    document: str = "",
    seen: int | None = None,
) -> None:
    """Store a consent, or its renewal. `document`: where the signed paper is kept, as display text.

    `seen`: the revision of the patient's consents that was on the screen, None where there was none.
    Raises Forbidden, ConflictError, FerError ``unknown_patient``, ``no_scope``, ``consent_day``, ``bad_document``.
    """
    document = _valid_document(document)
    if not scopes:
        raise FerError("Please tick what the patient agreed to.", "no_scope")
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        _check_days(session, session.get_one(Patient, patient_id).born_on, given_on, expires_on)
        wanted = _recorded(given_on, expires_on)
        edit(session, patient_id, scopes, seen, wanted)
        add(session, patient_id, scopes, given_on, expires_on, document, account.id)
        audit.write(session, AuditAction.CONSENT_RECORDED, account.id, patient_id, scopes=sorted(scopes))


def edit(session: Session, patient_id: str, scopes: Collection[Scope], seen: int | None, wanted: str) -> None:
    """Count an edit of a patient's consents that were seen in a revision. Raises ConflictError."""
    patient = session.get_one(Patient, patient_id)
    newest = newest_of(session, patient_id)
    differences = [
        Difference(SCOPES[scope].capitalize(), _in_words(newest.get(scope)), wanted) for scope in sorted(scopes)
    ]
    need_unchanged("this patient's consents", seen, patient.consents_revision, differences)
    patient.consents_revision += 1


def _in_words(row: Consent | None) -> str:
    if row is None:
        return "not given"
    if row.withdrawn_at is not None:
        return "withdrawn"
    return _recorded(row.given_on, row.expires_on)


def _recorded(given_on: date, expires_on: date | None) -> str:
    return f"recorded, agreed on {phrases.day(given_on)}" + (f", until {phrases.day(expires_on)}" if expires_on else "")


def add(
    session: Session,
    patient_id: str,
    scopes: Collection[Scope],
    given_on: date,
    expires_on: date | None = None,
    document: str = "",
    account_id: str | None = None,
) -> None:
    """Add the rows of a consent."""
    now = clock.now()
    for scope in scopes:
        session.add(
            Consent(
                patient_id=patient_id,
                scope=scope,
                given_on=given_on,
                expires_on=expires_on,
                document=document,
                recorded_by=account_id,
                recorded_at=now,
            )
        )
    session.flush()


def _check_days(session: Session, born_on: date | None, given_on: date, expires_on: date | None) -> None:
    if given_on > clock.latest_day(session):
        raise FerError("The day of the consent is in the future.", "consent_day")
    if born_on is not None and given_on < born_on:
        raise FerError("The day of the consent is before the patient's birth. Please check both days.", "consent_day")
    if expires_on is not None and expires_on < max(given_on, clock.today(session)):
        raise FerError("The last day of the consent is in the past. Please check it.", "consent_day")


def _valid_document(document: str) -> str:
    refusal = FerError(f"Please keep the reference under {DOCUMENT_MAX} characters, on one line.", "bad_document")
    return texts.kept_line(document, DOCUMENT_MAX, refusal)
