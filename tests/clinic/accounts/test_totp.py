"""The second step: codes of an app and recovery codes, each once; the secret sealed; turned on and off by its owner."""

import base64
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from clinic.accounts import accounts, sessions, totp
from db.models import RecoveryCode, Role, SecondStep, SignIn
from storage.media import open_store
from tests import doors
from tests.clinic.accounts.test_sessions import actions, age, code_of
from tests.doors import PASSWORD

NAME = "Dr. Invented"


@pytest.fixture
def clock(monkeypatch):
    """The time of the codes, in seconds, which a test sets."""
    return doors.clock_of(monkeypatch, totp)


@pytest.fixture
def app(db, settings, who, clock):
    """The app on the owner's telephone: gives the code of now, half a minute after the one that turned it on."""
    made = totp.begin(db, settings, who, PASSWORD)
    totp.confirm(db, settings, who, doors.code_at(made.secret, clock[0]))
    clock[0] += 30
    return lambda: doors.code_at(made.secret, clock[0])


def test_the_code_is_that_of_the_standard(monkeypatch):
    """RFC 6238, appendix B, SHA-1, of whose eight digits the last six count."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    vectors = {59: "94287082", 1111111109: "07081804", 1234567890: "89005924", 20000000000: "65353130"}
    assert {moment: doors.code_at(secret, moment) for moment in vectors} == {
        moment: code[-6:] for moment, code in vectors.items()
    }


def test_the_app_gets_what_every_app_knows(db, settings, who):
    made = totp.begin(db, settings, who, PASSWORD)
    asked = parse_qs(urlsplit(made.uri).query)
    assert made.uri.startswith("otpauth://totp/Expression%20History:Dr.%20Invented?")
    assert (asked["secret"], asked["digits"], asked["period"]) == ([made.secret], ["6"], ["30"])
    assert len(base64.b32decode(made.secret)) == 20


def test_nothing_is_asked_for_before_the_first_code(db, settings, who):
    totp.begin(db, settings, who, PASSWORD)
    assert totp.standing(db, who).on_since is None
    assert sessions.actor_of(db, sessions.sign_in(db, NAME, PASSWORD))


def test_a_mistyped_first_code_may_be_typed_again_for_a_while(db, settings, who, clock):
    made = totp.begin(db, settings, who, PASSWORD)
    assert code_of(totp.confirm, db, settings, who, "000000") == "second_step_refused"
    assert totp.begun(db, settings, who) == made
    with db.session() as session:
        session.scalar(select(SecondStep)).created_at -= totp.SET_UP_WITHIN
    assert code_of(totp.begun, db, settings, who) == "second_step_over"
    code = doors.code_at(made.secret, clock[0])
    assert code_of(totp.confirm, db, settings, who, code) == "second_step_over"


def test_with_the_password_alone_nobody_acts(db, settings, app):
    token = sessions.sign_in(db, NAME, PASSWORD)
    assert sessions.actor_of(db, token) is None
    assert sessions.is_pending(db, token)
    whole = sessions.take_second_step(db, settings, token, app())
    assert sessions.actor_of(db, whole).second_step
    assert whole != token
    assert not sessions.is_pending(db, token)
    assert sessions.actor_of(db, token) is None


@pytest.mark.attack("a code of the app, seen over a shoulder, used again within its half minute")
def test_a_code_is_taken_once(db, settings, app, attack):
    code = app()
    token = sessions.sign_in(db, NAME, PASSWORD)
    sessions.take_second_step(db, settings, token, code)
    again = sessions.sign_in(db, NAME, PASSWORD)
    attack(lambda: sessions.take_second_step(db, settings, again, code), "second_step_refused")
    assert sessions.actor_of(db, again) is None


@pytest.mark.parametrize(("late_s", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_half_a_minute_wrong(db, settings, app, clock, late_s, taken):
    clock[0] += 300
    code = app()
    clock[0] += late_s
    token = sessions.sign_in(db, NAME, PASSWORD)
    if taken:
        assert sessions.take_second_step(db, settings, token, code)
    else:
        assert code_of(sessions.take_second_step, db, settings, token, code) == "second_step_refused"


def test_an_earlier_code_is_not_taken_after_a_later_one(db, settings, app, clock):
    clock[0] += 300
    early = app()
    clock[0] += 30
    sessions.take_second_step(db, settings, sessions.sign_in(db, NAME, PASSWORD), app())
    token = sessions.sign_in(db, NAME, PASSWORD)
    assert code_of(sessions.take_second_step, db, settings, token, early) == "second_step_refused"


@pytest.mark.attack("guessing codes with a stolen password, entering the password again before each guess")
def test_guessing_codes_has_to_wait_although_the_password_is_right(db, settings, app, attack):
    def guess():
        token = sessions.sign_in(db, NAME, PASSWORD)
        sessions.take_second_step(db, settings, token, "000000")

    assert [code_of(guess) for _ in range(5)] == ["second_step_refused"] * 5
    attack(guess, "sign_in_delayed")
    assert actions(db).count("sign_in_refused") == 5


def test_who_types_wrong_once_gets_in_and_nothing_is_held_against_them(db, settings, app, clock):
    for _ in range(3):
        assert code_of(sessions.sign_in, db, NAME, "wrong") == "sign_in_refused"
        token = sessions.sign_in(db, NAME, PASSWORD)
        sessions.take_second_step(db, settings, token, app())
        clock[0] += 30


def test_the_password_is_soon_to_be_given_again(db, settings, app):
    token = sessions.sign_in(db, NAME, PASSWORD)
    age(db, created_at=sessions.PENDING)
    assert code_of(sessions.take_second_step, db, settings, token, app()) == "second_step_over"
    sessions.sign_in(db, NAME, PASSWORD)
    with db.read() as session:
        assert len(session.scalars(select(SignIn).where(SignIn.pending)).all()) == 1


def test_a_recovery_code_stands_in_once(db, settings, app, who, clock):
    (code, *rest) = totp.renew_codes(db, settings, who, PASSWORD, app())
    assert len({code, *rest}) == totp.RECOVERY_CODES
    token = sessions.sign_in(db, NAME, PASSWORD)
    assert sessions.take_second_step(db, settings, token, f" {code.upper()} ")
    assert totp.standing(db, who).codes_left == len(rest)
    again = sessions.sign_in(db, NAME, PASSWORD)
    assert code_of(sessions.take_second_step, db, settings, again, code) == "second_step_refused"
    assert actions(db).count("recovery_code_used") == 1


def test_new_recovery_codes_end_the_old_ones(db, settings, app, who, clock):
    (old, *_) = totp.renew_codes(db, settings, who, PASSWORD, app())
    clock[0] += 30
    totp.renew_codes(db, settings, who, PASSWORD, app())
    token = sessions.sign_in(db, NAME, PASSWORD)
    assert code_of(sessions.take_second_step, db, settings, token, old) == "second_step_refused"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_neither_secret_nor_codes_lie_readable(db, settings, who, clock):
    made = totp.begin(db, settings, who, PASSWORD)
    codes = totp.confirm(db, settings, who, doors.code_at(made.secret, clock[0]))
    files = [path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file()]
    secret = base64.b32decode(made.secret)
    for readable in (made.secret, secret.hex(), *codes):
        assert not any(readable.encode() in content for content in files)
    assert not any(secret in content for content in files)
    with db.read() as session:
        assert len(session.scalars(select(RecoveryCode)).all()) == len(codes)


def test_another_account_s_secret_does_not_open_in_its_place(db, settings, who, app):
    other = doors.actor(db, "Other")
    totp.begin(db, settings, other, PASSWORD)
    with db.session() as session:
        own, taken = session.get(SecondStep, who.account_id), session.get(SecondStep, other.account_id)
        taken.secret = own.secret
    assert code_of(totp.confirm, db, settings, other, app()) == "file_damaged"


def test_turning_it_off_takes_password_and_code_and_ends_other_browsers(db, settings, app, who, clock):
    token = sessions.take_second_step(db, settings, sessions.sign_in(db, NAME, PASSWORD), app())
    clock[0] += 30
    assert code_of(totp.turn_off, db, settings, who, "wrong", app()) == "sign_in_refused"
    assert code_of(totp.turn_off, db, settings, who, PASSWORD, "000000") == "second_step_refused"
    totp.turn_off(db, settings, who, PASSWORD, app())
    assert sessions.actor_of(db, token) is None
    assert sessions.actor_of(db, sessions.sign_in(db, NAME, PASSWORD))
    assert totp.standing(db, who) == totp.TotpStatus(None, 0)


def test_a_secret_that_is_on_is_not_replaced(db, settings, app, who):
    assert code_of(totp.begin, db, settings, who, PASSWORD) == "second_step_on"
    assert code_of(totp.begin, db, settings, who, "wrong") == "sign_in_refused"


def test_an_administrator_resets_it_and_it_is_written_down(db, settings, app, who):
    admin = doors.actor(db, "Admin", Role.ADMINISTRATOR)
    rows = {row.name: row.second_step for row in accounts.list_accounts(db, admin)}
    assert rows == {"Admin": False, NAME: True}
    totp.reset(db, admin, who.account_id)
    assert sessions.actor_of(db, sessions.sign_in(db, NAME, PASSWORD))
    assert actions(db).count("second_step_reset") == 1
    assert code_of(totp.reset_by_console, db, "Nobody") == "unknown_account"
    totp.reset_by_console(db, NAME)


def test_without_the_master_key_the_recovery_codes_still_open(db, settings, app, who, clock):
    (code, *_) = totp.renew_codes(db, settings, who, PASSWORD, app())
    (settings.key_dir / "master.key").write_text("ab" * 16 + "cd" * 16)
    assert open_store(settings).key
    token = sessions.sign_in(db, NAME, PASSWORD)
    assert code_of(sessions.take_second_step, db, settings, token, app()) == "wrong_key"
    assert sessions.take_second_step(db, settings, token, code)


def test_the_clock_is_the_computer_s(db, settings, who):
    made = totp.begin(db, settings, who, PASSWORD)
    totp.confirm(db, settings, who, doors.code_at(made.secret, time.time()))
    assert totp.standing(db, who).on_since is not None
