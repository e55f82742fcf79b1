"""An administrator who wants the patients of others: refused, confirmed by a second one, and told in any case."""

import pytest

from clinic.accounts import accounts, handover, identities, takeovers
from clinic.audit import AuditAction
from clinic.patients import caseload
from db.models import Patient, Role
from fer_core.errors import FerError
from tests import doors

ISSUER = "https://provider.invalid"


@pytest.fixture
def admin(db):
    return doors.actor(db, "Admin", Role.ADMINISTRATOR)


def code_of(attempt, *arguments):
    with pytest.raises(FerError) as refusal:
        attempt(*arguments)
    return refusal.value.code


@pytest.mark.attack("an administrator who hands all patients over to their own account")
def test_nobody_hands_patients_to_oneself(db, who, patient, admin, attack):
    attack(lambda: handover.hand_over(db, admin, who.account_id, admin.account_id), "to_oneself")
    assert caseload.list_patients(db, admin) == []


@pytest.mark.attack(
    "an administrator who hands patients to an account of their own making, beside a second administrator"
)
def test_a_second_administrator_confirms(db, who, patient, admin, attack):
    second = doors.actor(db, "Second", Role.ADMINISTRATOR)
    puppet = doors.actor(db, "Puppet")
    attack(lambda: handover.hand_over(db, admin, who.account_id, puppet.account_id), None)
    attack(lambda: code_of(caseload.get_patient, db, puppet, patient), "not_your_patient")
    (asked,) = handover.waiting(db, second)
    assert (asked.giver, asked.taker, asked.asked_by, len(asked.patients)) == ("Dr. Invented", "Puppet", "Admin", 1)
    attack(lambda: handover.confirm(db, admin, asked.id), "own_request")
    assert handover.confirm(db, second, asked.id) == 1
    assert caseload.get_patient(db, puppet, patient).writable
    assert code_of(handover.confirm, db, second, asked.id) == "unknown_request"


def test_the_receiver_of_a_hand_over_is_told_that_the_patients_are_theirs(db, who, patient, admin):
    taker = doors.actor(db, "Taker")
    handover.hand_over(db, admin, who.account_id, taker.account_id)
    told = {reader.name: takeovers.unread(db, reader) for reader in (who, taker)}
    assert [(name, one.own, one.to) for name, [one] in told.items()] == [
        (who.name, True, "another account"),
        ("Taker", False, "you"),
    ]


def test_a_request_moves_the_patients_that_it_was_made_for(db, who, patient, admin):
    """Both administrators are shown ids, and what comes to the caseload between them was shown to neither."""
    second, taker = doors.actor(db, "Second", Role.ADMINISTRATOR), doors.actor(db, "Taker")
    gone = caseload.add_patient(db, who, "Goes Meanwhile")
    handover.hand_over(db, admin, who.account_id, taker.account_id, shown={patient, gone})
    came = caseload.add_patient(db, who, "Came Meanwhile")
    with db.session() as session:
        session.delete(session.get_one(Patient, gone))
    (asked,) = handover.waiting(db, second)
    assert (asked.patients, asked.left, asked.since) == ({patient}, 1, 1)
    # What the second administrator saw before the last change is not confirmed.
    assert code_of(handover.confirm, db, second, asked.id, {patient, gone}) == "changed_meanwhile"
    assert handover.confirm(db, second, asked.id, asked.patients) == 1
    assert [one.id for one in caseload.list_patients(db, taker)] == [patient]
    assert [one.id for one in caseload.list_patients(db, who)] == [came]


def test_a_request_of_which_nobody_is_left_moves_nobody(db, who, patient, admin):
    second, taker = doors.actor(db, "Second", Role.ADMINISTRATOR), doors.actor(db, "Taker")
    handover.hand_over(db, admin, who.account_id, taker.account_id)
    with db.session() as session:
        session.delete(session.get_one(Patient, patient))
    caseload.add_patient(db, who, "Came Meanwhile")
    (asked,) = handover.waiting(db, second)
    assert code_of(handover.confirm, db, second, asked.id) == "nobody_left"
    assert caseload.list_patients(db, taker) == []


def test_what_is_refused_does_not_happen(db, who, patient, admin):
    second = doors.actor(db, "Second", Role.ADMINISTRATOR)
    taker = doors.actor(db, "Taker")
    handover.hand_over(db, admin, who.account_id, taker.account_id)
    handover.refuse(db, second, handover.waiting(db, second)[0].id)
    assert handover.waiting(db, admin) == []
    assert caseload.get_patient(db, who, patient).writable


@pytest.mark.attack(
    "the only administrator who hands patients over, resets a password or links an account to the own e-mail"
)
def test_the_clinician_is_notified_and_it_stays_shown(db, who, patient, admin, attack):
    colleague = doors.add_account(db, "Colleague")
    assert takeovers.unread(db, who) == []
    assert handover.hand_over(db, admin, who.account_id, colleague) == 1
    identities.link(db, admin, who.account_id, ISSUER, "admin@clinic.invalid")
    accounts.reset_password(db, admin, who.account_id)
    found = takeovers.unread(db, who)
    attack(lambda: [one.action.value for one in found], ["caseload_handed_over", "provider_linked", "password_reset"])
    assert {(one.by, one.own) for one in found} == {("Admin", True)}
    assert found[0].patients == 1
    takeovers.read(db, who, found[-1].number)
    assert takeovers.unread(db, who) == []
    # Who got in with the new password cannot strike it out.
    assert [one.action for one in takeovers.lately(db, who)] == [one.action for one in found]


def test_it_is_reported_to_whom_it_concerns_alone(db, who, patient, admin):
    second, other = doors.actor(db, "Second", Role.ADMINISTRATOR), doors.actor(db, "Other")
    accounts.reset_password(db, admin, who.account_id)
    assert takeovers.unread(db, other) == takeovers.unread(db, admin) == []
    (found,) = takeovers.unread(db, second)
    assert (found.action, found.account, found.own) == (AuditAction.PASSWORD_RESET, "Dr. Invented", False)


def test_a_new_account_is_not_notified_of_what_was_before(db, who, admin):
    accounts.reset_password(db, admin, who.account_id)
    accounts.add(db, admin, "Third", Role.ADMINISTRATOR)
    (third,) = [row for row in accounts.list_accounts(db, admin) if row.name == "Third"]
    password = accounts.reset_password(db, admin, third.id)
    assert password
    with db.session() as session:
        account = accounts.account_of(session, third.id)
        assert account.read_up_to > 0
