"""Sharing a patient, and emergencies: for an hour, with a reason, and never without a trace."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic import audit
from clinic.audit import AuditAction
from clinic.patients import caseload, sharing
from db.models import Access, AuditRow, Role
from fer_core.errors import FerError
from tests import doors

REASON = "acute danger, clinician on leave"


@pytest.fixture
def colleague(db):
    return doors.actor(db, "Colleague")


def code_of(attempt, *arguments):
    with pytest.raises(FerError) as refusal:
        attempt(*arguments)
    return refusal.value.code


def rows(db, action):
    with db.read() as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == action)))


def test_a_shared_patient_is_seen_until_it_is_taken_back(db, who, patient, colleague):
    assert code_of(caseload.get_patient, db, colleague, patient) == "not_your_patient"
    sharing.share(db, who, patient, " colleague ")
    assert caseload.get_patient(db, colleague, patient).writable
    assert [reader.name for reader in sharing.readers(db, who, patient)] == ["Colleague", "Dr. Invented"]
    sharing.unshare(db, colleague, patient, colleague.account_id)
    assert code_of(caseload.get_patient, db, colleague, patient) == "not_your_patient"


def test_two_who_change_the_sharing_of_one_patient_do_not_overwrite_each_other(db, who, patient, colleague):
    seen = caseload.get_patient(db, who, patient).sharing_revision
    sharing.share(db, who, patient, "Colleague", seen)
    doors.add_account(db, "Third")
    assert code_of(sharing.share, db, who, patient, "Third", seen) == "changed_meanwhile"
    assert code_of(sharing.unshare, db, who, patient, colleague.account_id, seen) == "changed_meanwhile"
    assert [reader.name for reader in sharing.readers(db, who, patient)] == ["Colleague", "Dr. Invented"]
    sharing.unshare(db, who, patient, colleague.account_id, caseload.get_patient(db, who, patient).sharing_revision)


def test_a_viewer_looks_and_does_not_write(db, who, patient):
    viewer = doors.actor(db, "Viewer", Role.VIEWER)
    sharing.share(db, who, patient, "Viewer")
    assert not caseload.get_patient(db, viewer, patient).writable


@pytest.mark.parametrize("name", ["", "Nobody", "Gone"])
def test_one_shares_with_those_who_can_sign_in(db, who, patient, name):
    doors.add_account(db, "Gone", disabled_at=doors.now())
    assert code_of(sharing.share, db, who, patient, name) == "unknown_name"


def test_somebody_who_may_write_stays(db, who, patient):
    doors.add_account(db, "Viewer", Role.VIEWER)
    sharing.share(db, who, patient, "Viewer")
    assert code_of(sharing.unshare, db, who, patient, who.account_id) == "last_clinician"
    assert caseload.get_patient(db, who, patient).writable


@pytest.mark.parametrize("by_name", [True, False], ids=["name", "id"])
def test_an_emergency_is_for_reading_for_an_hour(db, patient, colleague, by_name):
    wanted = " invented  PERSON" if by_name else patient
    assert sharing.open_in_emergency(db, colleague, wanted, REASON) == patient
    found = caseload.get_patient(db, colleague, patient)
    assert found.emergency_until is not None
    assert not found.writable
    assert [summary.emergency_until for summary in caseload.list_patients(db, colleague)] == [found.emergency_until]
    with db.session() as session:
        session.get_one(Access, (colleague.account_id, patient)).until -= timedelta(hours=1)
    assert code_of(caseload.get_patient, db, colleague, patient) == "not_your_patient"
    assert caseload.list_patients(db, colleague) == []
    (row,) = rows(db, "emergency_access")
    assert (row.account_id, row.patient_id, set(row.details)) == (colleague.account_id, patient, {"typed_sha256"})


@pytest.mark.parametrize(
    ("wanted", "reason", "code"),
    [
        ("Invented Person", "too short", "no_reason"),
        ("Invented Person", "x" * 501, "no_reason"),
        ("Invented Person", "invented person is in danger", "name_in_reason"),
        ("Invented", REASON, "not_found"),
        ("Invented Perso%", REASON, "not_found"),
        ("", REASON, "not_found"),
        ("0" * 32, REASON, "not_found"),
    ],
)
def test_without_a_reason_or_the_exact_name_nothing_opens(db, patient, colleague, wanted, reason, code):
    assert code_of(sharing.open_in_emergency, db, colleague, wanted, reason) == code
    assert caseload.list_patients(db, colleague) == []


def test_two_of_one_name_are_not_guessed_between(db, who, patient, colleague):
    caseload.add_patient(db, who, "Invented Person")
    assert code_of(sharing.open_in_emergency, db, colleague, "Invented Person", REASON) == "not_found"


def test_an_emergency_does_not_end_what_is_one_s_own(db, who, patient):
    sharing.open_in_emergency(db, who, patient, REASON)
    assert caseload.get_patient(db, who, patient).writable


def test_the_patient_s_clinician_sees_who_looked_and_why(db, who, patient, colleague):
    sharing.open_in_emergency(db, colleague, patient, REASON)
    for _ in range(3):
        caseload.get_patient(db, colleague, patient)
    reported = [(event.name, event.action, event.about) for event in sharing.history(db, who, patient)]
    assert reported == [
        ("Colleague", AuditAction.PATIENT_VIEWED, ""),
        ("Colleague", AuditAction.EMERGENCY_ACCESS, REASON),
    ]


def test_an_attempt_that_found_nobody_is_written_down(db, colleague):
    code_of(sharing.open_in_emergency, db, colleague, "Somebody", REASON)
    (row,) = rows(db, "emergency_refused")
    assert row.account_id == colleague.account_id
    assert audit.verify(db).first_bad is None


@pytest.mark.attack("a name in the form of the emergency access, with a reason that is refused: whether it is there")
def test_a_name_with_a_refused_reason_is_written_down(db, who, patient, colleague, attack):
    named = "looking for Invented Person"
    attack(lambda: sharing.open_in_emergency(db, colleague, "Invented Person", named), "name_in_reason")
    assert caseload.list_patients(db, colleague) == []
    (event,) = sharing.history(db, who, patient)
    assert (event.name, event.action, event.about) == ("Colleague", AuditAction.EMERGENCY_REFUSED, "")
    attack(lambda: [row.account_id for row in rows(db, "emergency_refused")] == [colleague.account_id], True)


@pytest.mark.attack("guessing names in the form of the emergency access: the sixth guess")
def test_guesses_at_names_are_slowed_down(db, patient, colleague, attack):
    for number in range(5):
        assert code_of(sharing.open_in_emergency, db, colleague, f"Guess {number}", REASON) == "not_found"
    attack(lambda: sharing.open_in_emergency(db, colleague, "Invented Person", REASON), "sign_in_delayed")
    assert caseload.list_patients(db, colleague) == []
