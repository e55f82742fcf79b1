"""The device in a patient's hands answers questions, and does nothing else until the PIN comes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic import clock
from clinic.accounts import accounts, identities, sessions, totp
from clinic.patients import caseload
from clinic.questionnaires import answers, patient_mode
from db.models import AuditRow, HandOver, Role
from fer_core.errors import FerError
from tests import doors

PIN = "4711"


@pytest.fixture
def signed_in(db):
    """The clinician's token and the patient's id: handing over ends this sign-in."""
    return doors.sign_in(db, "Dr. Device")


@pytest.fixture
def device(db, signed_in):
    """Return the clinician, the patient's id and the token of the device."""

    who = sessions.actor_of(db, signed_in)
    patient_id = caseload.add_patient(db, who, "Quentin Invented")
    return who, patient_id, patient_mode.begin(db, who, patient_id, "phq9", PIN)


def code_of(call):
    with pytest.raises(FerError) as refusal:
        call()
    return refusal.value.code


def stored(db, who, patient_id):
    again = doors.sign_in(db, "Colleague")
    with db.session() as session:
        accounts.grant(session, sessions.actor_of(db, again).account_id, patient_id)
    return answers.listed(db, sessions.actor_of(db, again), patient_id)


def test_the_browser_is_signed_out_and_the_token_is_no_sign_in(db, signed_in, device):
    _, _, token = device
    assert sessions.actor_of(db, signed_in) is None
    assert sessions.actor_of(db, token) is None
    shown = patient_mode.asked(db, token)
    assert (shown.scale.key, shown.items, shown.done) == ("phq9", (None,) * 9, False)


def test_answers_can_be_changed_until_the_end_and_are_stored_once(db, device):
    who, patient_id, token = device
    for place in range(9):
        patient_mode.answer(db, token, place, 1)
    patient_mode.answer(db, token, 0, 3)
    patient_mode.answer(db, token, 1, None)
    patient_mode.finish(db, token)
    assert code_of(lambda: patient_mode.answer(db, token, 0, 0)) == "over"
    assert code_of(lambda: patient_mode.finish(db, token)) == "over"
    again, back_at = patient_mode.give_back(db, token, PIN)
    assert back_at == patient_id
    assert sessions.actor_of(db, again).account_id == who.account_id
    assert patient_mode.asked(db, token) is None
    [answer] = answers.listed(db, sessions.actor_of(db, again), patient_id)
    assert (answer.items, answer.how, answer.score.watched) == ((3, None, 1, 1, 1, 1, 1, 1, 1), "patient", True)
    with db.read() as session:
        reported = list(session.scalars(select(AuditRow.action).where(AuditRow.patient_id == patient_id)))
    assert reported == ["patient_added", "device_handed_over", "questionnaire_added", "device_given_back"]


def test_what_was_answered_is_kept_when_the_device_comes_back_early(db, device):
    _, patient_id, token = device
    patient_mode.answer(db, token, 0, 2)
    again, _ = patient_mode.give_back(db, token, PIN)
    [answer] = answers.listed(db, sessions.actor_of(db, again), patient_id)
    assert (answer.items, answer.score.total) == ((2,) + (None,) * 8, None)


def test_wrong_pins_end_it_and_lose_nothing(db, device):
    who, patient_id, token = device
    patient_mode.answer(db, token, 0, 2)
    for _ in range(patient_mode.TRIES - 1):
        assert code_of(lambda: patient_mode.give_back(db, token, "0000")) == "pin_refused"
    assert code_of(lambda: patient_mode.give_back(db, token, "0000")) == "signed_out"
    assert code_of(lambda: patient_mode.give_back(db, token, PIN)) == "over"
    assert len(stored(db, who, patient_id)) == 1


@pytest.mark.parametrize("pin", ["", "123", "12 34", "abcd", "1" * 13])
def test_a_pin_has_four_to_twelve_digits(db, who, patient, pin):
    assert code_of(lambda: patient_mode.begin(db, who, patient, "phq9", pin)) == "bad_pin"
    assert sessions.lives(db, who), "nobody was signed out"


def test_a_scale_without_questions_cannot_be_handed_over(db, who, patient):
    assert code_of(lambda: patient_mode.begin(db, who, patient, "who5", PIN)) == "no_items"
    assert sessions.lives(db, who)


@pytest.mark.parametrize(("place", "item"), [(-1, 0), (9, 0), (0, 4), (0, -1)])
def test_what_is_no_answer_is_refused(db, device, place, item):
    assert code_of(lambda: patient_mode.answer(db, device[2], place, item)) == "bad_items"


def test_a_device_that_is_forgotten_is_closed_and_what_was_answered_is_stored(db, device):
    who, patient_id, token = device
    patient_mode.answer(db, token, 0, 2)
    with db.session() as session:
        session.scalar(select(HandOver)).created_at = clock.now() - patient_mode.LASTS - timedelta(minutes=1)
    assert patient_mode.asked(db, token) is None
    assert code_of(lambda: patient_mode.give_back(db, token, PIN)) == "over"
    assert (patient_mode.sweep(db), patient_mode.sweep(db)) == (1, 0)
    assert len(stored(db, who, patient_id)) == 1


def test_a_disabled_account_is_not_signed_in_by_the_pin(db, device):
    who, _, token = device
    accounts.disable(db, doors.actor(db, "Ada", Role.ADMINISTRATOR), who.account_id)
    assert code_of(lambda: patient_mode.give_back(db, token, PIN)) == "signed_out"


@pytest.mark.attack("a device handed over and given back again and again, to stay signed in for more than twelve hours")
def test_handing_over_renews_no_sign_in(db, signed_in, device, monkeypatch, attack):
    _, patient_id, token = device
    begun, hours = clock.now(), 0
    while True:
        hours += 1
        now = begun + timedelta(hours=hours)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        try:
            again, _ = patient_mode.give_back(db, token, PIN)
        except FerError:
            break
        assert hours < 12
        token = patient_mode.begin(db, sessions.actor_of(db, again), patient_id, "phq9", PIN)
    attack(lambda: hours, 12)
    assert patient_mode.asked(db, token) is None, "the device asks nothing more"


@pytest.mark.attack(
    "the PIN of a device that was handed over before the password changed, was reset, or all signed out"
)
@pytest.mark.parametrize("end", ["changed", "reset", "signed out", "second step removed", "linked"])
def test_ended_sign_ins_stay_ended_whatever_the_pin(db, device, attack, end):
    who, patient_id, token = device
    admin = doors.actor(db, "Ada", Role.ADMINISTRATOR)
    other = sessions.actor_of(db, sessions.sign_in(db, "Dr. Device", doors.PASSWORD))
    patient_mode.answer(db, token, 0, 2)
    {
        "changed": lambda: sessions.change_password(db, other, doors.PASSWORD, "eleven green teapots"),
        "reset": lambda: accounts.reset_password(db, admin, who.account_id),
        "signed out": lambda: sessions.sign_out(db, other),
        "second step removed": lambda: totp.reset(db, admin, who.account_id),
        "linked": lambda: identities.link(db, admin, who.account_id, "https://provider.test", "who@clinic.test"),
    }[end]()
    assert not sessions.lives(db, other)
    patient_mode.answer(db, token, 1, 2)
    attack(lambda: patient_mode.give_back(db, token, PIN), "signed_out")
    [answer] = stored(db, who, patient_id)
    assert answer.items[:2] == (2, 2), "what the patient answered is kept"


def test_a_clock_that_was_set_back_meanwhile_loses_no_answer(db, device, monkeypatch):
    who, patient_id, token = device
    patient_mode.answer(db, token, 0, 2)
    now = clock.now() - timedelta(days=3)
    monkeypatch.setattr(clock, "now", lambda: now)
    assert patient_mode.sweep(db) == 1
    [answer] = stored(db, who, patient_id)
    with db.read() as session:
        assert (answer.items[0], answer.answered_on) == (2, clock.latest_day(session))


def test_a_clock_that_is_set_back_a_little_does_not_end_it(db, device, monkeypatch):
    _, _, token = device
    patient_mode.answer(db, token, 0, 1)
    before = clock.now() - timedelta(minutes=15)
    monkeypatch.setattr(clock, "now", lambda: before)
    patient_mode.answer(db, token, 1, 2)
    assert patient_mode.asked(db, token).items[:2] == (1, 2)
    assert patient_mode.sweep(db) == 0


def test_a_questionnaire_that_is_under_way_or_was_left_is_mentioned(db, device, monkeypatch):
    _, patient_id, token = device
    again = sessions.actor_of(db, doors.sign_in(db, "Colleague"))
    with db.session() as session:
        accounts.grant(session, again.account_id, patient_id)
    patient_mode.answer(db, token, 0, 1)
    (shown,) = patient_mode.in_hands(db, again, patient_id)
    assert (shown.name, shown.answered, shown.questions) == ("PHQ-9", 1, 9)
    later = clock.now() + patient_mode.LASTS + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert patient_mode.sweep(db) == 1
    assert patient_mode.in_hands(db, again, patient_id) == []
    with db.read() as session:
        asked = select(AuditRow).where(AuditRow.action == "questionnaire_left")
        assert [(row.patient_id, row.details) for row in session.scalars(asked)] == [(patient_id, {"answered": 1})]
