"""Watching a camera live: whose it may be, the consent to it, the row in the audit, and the end of the sign-in."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from clinic import clock
from clinic.access import Forbidden
from clinic.accounts import sessions
from clinic.audit import AuditAction
from clinic.consent.consent import ConsentError, Scope
from clinic.patients import caseload
from clinic.recordings import live
from db.models import AuditRow, Role, SignIn
from tests import doors
from tests.consents import agree, revoke


@pytest.fixture
def watcher(db):
    return doors.actor(db, "Dr. Watching")


@pytest.fixture
def watched(db, watcher):
    patient_id = caseload.add_patient(db, watcher, "Invented Person")
    agree(db, patient_id, Scope.ANALYSE)
    return patient_id


def seen(db, ago):
    with db.session() as session:
        session.execute(update(SignIn).values(seen_at=clock.now() - ago))


def test_it_is_written_down_of_a_patient_and_of_nobody(db, watcher, watched):
    live.begin(db, watcher, watched)
    live.begin(db, watcher, None)
    with db.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action == AuditAction.LIVE_VIEWED))
        assert [(row.account_id, row.patient_id, row.details) for row in rows] == [
            (watcher.account_id, watched, {}),
            (watcher.account_id, None, {}),
        ]


@pytest.mark.parametrize("ask", [live.begin, live.remaining_s])
def test_without_the_consent_nobody_is_watched(db, watcher, watched, ask):
    revoke(db, watched, Scope.ANALYSE)
    with pytest.raises(ConsentError):
        ask(db, watcher, watched)


@pytest.mark.parametrize("ask", [live.begin, live.remaining_s])
def test_one_who_may_only_look_at_results_watches_nobody(db, ask):
    with pytest.raises(Forbidden) as refused:
        ask(db, doors.actor(db, "Viewer", Role.VIEWER), None)
    assert refused.value.code == "read_only"


def test_what_is_left_is_the_shorter_of_idle_time_and_longest_time(db, watcher):
    seen(db, timedelta(minutes=14))
    assert live.remaining_s(db, watcher, None) == pytest.approx(60, abs=5)
    with db.session() as session:
        session.execute(update(SignIn).values(created_at=clock.now() - sessions.ABSOLUTE + timedelta(seconds=20)))
    assert live.remaining_s(db, watcher, None) == pytest.approx(20, abs=5)


def test_a_sign_in_that_ended_watches_no_longer(db, watcher):
    seen(db, sessions.IDLE + timedelta(seconds=2))
    with pytest.raises(Forbidden) as refused:
        live.remaining_s(db, watcher, None)
    assert refused.value.code == "signed_out"
