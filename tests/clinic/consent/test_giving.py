"""A consent is recorded with who agreed to what and when; what makes no sense is refused."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from clinic import clock
from clinic.consent import consent, giving
from clinic.consent.consent import ConsentState
from clinic.patients import caseload
from db.models import AuditRow, Scope
from fer_core.errors import FerError

DAY = date(2026, 5, 4)


@pytest.fixture
def newcomer(db, who):
    """A patient who was not asked yet."""
    return caseload.add_patient(db, who, "Invented Newcomer")


def test_what_is_recorded_is_reported_again(db, who, newcomer):
    until = clock.now().date() + timedelta(days=30)
    giving.record(db, who, newcomer, [Scope.ANALYSE, Scope.KEEP_RESULTS], DAY, until, " Binder 3 ")
    found = {standing.scope: standing for standing in consent.standings(db, who, newcomer)}
    assert {scope: standing.state for scope, standing in found.items()} == {
        Scope.ANALYSE: ConsentState.STANDS,
        Scope.KEEP_RESULTS: ConsentState.STANDS,
        Scope.KEEP_VIDEO: ConsentState.NEVER,
        Scope.TRAIN: ConsentState.NEVER,
        Scope.EXPORT: ConsentState.NEVER,
    }
    reported = found[Scope.ANALYSE]
    assert (reported.given_on, reported.expires_on, reported.document) == (DAY, until, "Binder 3")
    assert (reported.recorded_by, reported.withdrawn_by) == (who.name, None)
    with db.read() as session:
        row = session.scalars(select(AuditRow).order_by(AuditRow.number.desc())).first()
    assert (row.action, row.account_id, row.patient_id) == ("consent_recorded", who.account_id, newcomer)
    assert row.details == {"scopes": ["analyse", "keep_results"]}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (([], DAY), "no_scope"),
        (([Scope.EXPORT], clock.now().date() + timedelta(days=2)), "consent_day"),
        (([Scope.EXPORT], DAY, DAY), "consent_day"),
        (([Scope.EXPORT], DAY, None, "x" * 201), "bad_document"),
        (([Scope.EXPORT], DAY, None, "a\nb"), "bad_document"),
        (([Scope.EXPORT], DAY, None, "a\u202eb"), "bad_document"),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_kept(db, who, newcomer, given, code):
    with pytest.raises(FerError) as refusal:
        giving.record(db, who, newcomer, *given)
    assert refusal.value.code == code
    assert consent.history(db, who, newcomer) == []
