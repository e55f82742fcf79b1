"""Accounts, and what administrators do with them."""

import pytest
from sqlalchemy import select

from clinic.accounts import accounts, handover, sessions
from clinic.patients import caseload
from db.models import Access, AuditRow, Role
from fer_core.errors import FerError
from tests import doors
from tests.doors import PASSWORD


@pytest.fixture
def admin(db):
    return doors.actor(db, "Admin", Role.ADMINISTRATOR)


def code_of(attempt, *arguments):
    with pytest.raises(FerError) as refusal:
        attempt(*arguments)
    return refusal.value.code


def row(db, admin, name):
    return next(found for found in accounts.list_accounts(db, admin) if found.name == name)


def test_an_account_is_added_with_a_password_to_be_changed(db, admin):
    password = accounts.add(db, admin, "  Ben   Clinician ", Role.CLINICIAN)
    token = sessions.sign_in(db, "ben clinician", password)
    assert sessions.actor_of(db, token).must_change
    new = sessions.change_password(db, sessions.actor_of(db, token), password, PASSWORD)
    assert not sessions.actor_of(db, new).must_change


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "bad_account_name"),
        ("x" * 101, "bad_account_name"),
        ("a\u202eb", "bad_account_name"),
        (accounts.FIRST_CODE.upper(), "bad_account_name"),
        ("ADMIN", "name_taken"),
    ],
)
def test_names_that_mislead_are_refused(db, admin, name, code):
    assert code_of(accounts.add, db, admin, name, Role.CLINICIAN) == code


def test_disabling_ends_sign_ins_at_once_and_enabling_does_not_bring_them_back(db, admin):
    token = doors.sign_in(db)
    account_id = row(db, admin, "Dr. Invented").id
    accounts.disable(db, admin, account_id)
    assert sessions.actor_of(db, token) is None
    assert code_of(sessions.sign_in, db, "Dr. Invented", PASSWORD) == "sign_in_refused"
    accounts.enable(db, admin, account_id)
    assert sessions.actor_of(db, token) is None
    assert sessions.sign_in(db, "Dr. Invented", PASSWORD)


def test_a_reset_ends_sign_ins_and_failures(db, admin):
    token = doors.sign_in(db)
    for _ in range(5):
        code_of(sessions.sign_in, db, "Dr. Invented", "wrong")
    password = accounts.reset_password(db, admin, row(db, admin, "Dr. Invented").id)
    assert sessions.actor_of(db, token) is None
    assert sessions.actor_of(db, sessions.sign_in(db, "Dr. Invented", password)).must_change


def test_the_last_administrator_stays(db, admin):
    for attempt in (accounts.disable, lambda *a: accounts.set_role(*a, Role.VIEWER)):
        assert code_of(attempt, db, admin, admin.account_id) == "last_administrator"
    accounts.set_role(db, admin, doors.actor(db).account_id, Role.ADMINISTRATOR)
    accounts.set_role(db, admin, admin.account_id, Role.CLINICIAN)
    assert code_of(accounts.list_accounts, db, admin) == "only_administrators"


def test_a_caseload_moves_as_a_whole(db, admin, orphan):
    giver, taker = doors.add_account(db, "Giver"), doors.add_account(db, "Taker")
    with db.session() as session:
        accounts.grant(session, giver, orphan)
    assert handover.hand_over(db, admin, giver, taker) == 1
    assert handover.hand_over(db, admin, taker, taker) == 1
    with db.read() as session:
        assert [access.account_id for access in session.scalars(select(Access))] == [taker]


def test_exactly_the_patients_that_were_shown_are_handed_over(db, admin, orphan):
    who, taker = doors.actor(db, "Giver"), doors.add_account(db, "Taker")
    giver = who.account_id
    with db.session() as session:
        accounts.grant(session, giver, orphan)
    shown = row(db, admin, "Giver").patients
    assert shown == (orphan,)
    caseload.add_patient(db, who, "Came Meanwhile")
    assert code_of(handover.hand_over, db, admin, giver, taker, None, shown) == "changed_meanwhile"
    assert handover.hand_over(db, admin, giver, taker, None, row(db, admin, "Giver").patients) == 2


@pytest.mark.parametrize("second", [False, True], ids=["at once", "on request"])
def test_no_patient_is_left_to_viewers_alone(db, admin, second):
    who, viewer = doors.actor(db, "Giver"), doors.add_account(db, "Vic", Role.VIEWER)
    patient = caseload.add_patient(db, who, "Only His")
    if second:
        doors.add_account(db, "Second Admin", Role.ADMINISTRATOR)
    assert code_of(handover.hand_over, db, admin, who.account_id, viewer) == "last_clinician"
    assert code_of(accounts.set_role, db, admin, who.account_id, Role.VIEWER) == "last_clinician"
    with db.session() as session:
        accounts.grant(session, doors.add_account(db, "Colleague"), patient)
    assert handover.hand_over(db, admin, who.account_id, viewer) == (None if second else 1)
    accounts.set_role(db, admin, who.account_id, Role.VIEWER)


def test_a_viewer_is_not_left_alone_with_a_patient_by_disabling(db, admin):
    who, other = doors.actor(db, "Ada"), doors.add_account(db, "Ben")
    patient = caseload.add_patient(db, who, "Shared")
    with db.session() as session:
        accounts.grant(session, doors.add_account(db, "Vic", Role.VIEWER), patient)
    assert code_of(accounts.disable, db, admin, who.account_id) == "last_clinician"
    with db.session() as session:
        accounts.grant(session, other, patient)
    accounts.disable(db, admin, who.account_id)
    assert code_of(accounts.disable, db, admin, other) == "last_clinician"


def test_a_viewer_is_not_left_alone_with_a_patient_by_enabling(db, admin):
    ada, vic = doors.actor(db, "Ada"), doors.add_account(db, "Vic", Role.VIEWER)
    patient = caseload.add_patient(db, ada, "Shared")
    with db.session() as session:
        accounts.grant(session, vic, patient)
    for account in (vic, ada.account_id):
        accounts.disable(db, admin, account)
    assert code_of(accounts.enable, db, admin, vic) == "last_clinician"
    accounts.enable(db, admin, ada.account_id)
    accounts.enable(db, admin, vic)


def test_who_sees_the_patients_alone_can_be_disabled(db, admin):
    who = doors.actor(db, "Ada")
    caseload.add_patient(db, who, "Only Hers")
    accounts.disable(db, admin, who.account_id)


def test_every_action_is_written_down_without_a_name(db, admin):
    accounts.add(db, admin, "Ben", Role.CLINICIAN)
    ben = row(db, admin, "Ben").id
    accounts.set_role(db, admin, ben, Role.VIEWER)
    accounts.disable(db, admin, ben)
    accounts.enable(db, admin, ben)
    accounts.reset_password(db, admin, ben)
    with db.read() as session:
        found = list(session.scalars(select(AuditRow).order_by(AuditRow.number)))
    assert [audited.action for audited in found[1:]] == [
        "account_added",
        "role_changed",
        "account_disabled",
        "account_enabled",
        "password_reset",
    ]
    assert all(audited.account_id == admin.account_id for audited in found)
    assert "Ben" not in str([audited.details for audited in found])


def test_the_console_resets_a_password(db):
    doors.add_account(db)
    password = accounts.reset_by_console(db, "DR. INVENTED")
    assert sessions.actor_of(db, sessions.sign_in(db, "Dr. Invented", password)).must_change
    assert code_of(accounts.reset_by_console, db, "nobody") == "unknown_account"
