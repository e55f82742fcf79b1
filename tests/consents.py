"""Consent for tests: recorded for a patient without a clinician, a form or a paper."""

from datetime import UTC, date, datetime

from sqlalchemy import update

from clinic.consent import giving
from clinic.consent.consent import Scope
from db.models import Consent

DAY = date(2026, 1, 1)
EVERYTHING = tuple(Scope)


def agree(db, patient_id, *scopes, expires_on=None):
    """Let a patient have consented to these scopes, by default to all."""
    with db.session() as session:
        giving.add(session, patient_id, scopes or EVERYTHING, DAY, expires_on)


def expire(db, patient_id, *scopes):
    """Let the consent to these scopes, by default to all, have ended yesterday."""
    change(db, patient_id, scopes, expires_on=date(2026, 1, 2))


def revoke(db, patient_id, *scopes):
    """Mark these scopes, by default all, as withdrawn and delete nothing, as where the program was ended then."""
    change(db, patient_id, scopes, withdrawn_at=datetime.now(UTC))


def change(db, patient_id, scopes, **values):
    names = [scope.value for scope in scopes or EVERYTHING]
    with db.session() as session:
        session.execute(
            update(Consent).where(Consent.patient_id == patient_id, Consent.scope.in_(names)).values(**values)
        )
