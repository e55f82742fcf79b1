"""Signing in, staying signed in, and being signed out everywhere at once."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from clinic import audit
from clinic.accounts import accounts, passwords, sessions
from db.models import Account, AuditRow, Role, SignIn
from fer_core.errors import FerError
from tests import doors
from tests.doors import PASSWORD


def age(db, **passed):
    """Let the moments of all sign-ins be longer ago."""
    with db.session() as session:
        for row in session.scalars(select(SignIn)):
            for name, by in passed.items():
                setattr(row, name, getattr(row, name) - by)


def actions(db):
    with db.read() as session:
        return list(session.scalars(select(AuditRow.action).order_by(AuditRow.number)))


def code_of(attempt, *arguments):
    with pytest.raises(FerError) as refusal:
        attempt(*arguments)
    return refusal.value.code


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_token_says_who_acts_and_is_not_stored(db, settings):
    token = doors.sign_in(db)
    actor = sessions.actor_of(db, token)
    assert (actor.name, actor.role) == ("Dr. Invented", Role.CLINICIAN)
    assert len(token) >= 43
    assert not any(token.encode() in path.read_bytes() for path in settings.data_dir.iterdir() if path.is_file())
    assert actions(db) == ["signed_in"]


@pytest.mark.parametrize("name", ["dr.  INVENTED ", "Dr. Invented"])
def test_a_name_is_known_however_it_is_typed(db, name):
    doors.add_account(db)
    assert sessions.actor_of(db, sessions.sign_in(db, name, PASSWORD))


@pytest.mark.parametrize("token", [None, "", "x", "0" * 43])
def test_no_token_is_nobody(db, token):
    doors.sign_in(db)
    assert sessions.actor_of(db, token) is None


def test_unknown_wrong_and_disabled_get_one_answer_after_the_same_work(db, monkeypatch):
    doors.add_account(db)
    admin = doors.actor(db, "Admin", Role.ADMINISTRATOR)
    gone = doors.add_account(db, "Gone")
    accounts.disable(db, admin, gone)
    worked = []
    real = passwords.HASHER.verify

    class Counting:
        hash = passwords.HASHER.hash

        def verify(self, *arguments):
            worked.append(1)
            return real(*arguments)

    monkeypatch.setattr(passwords, "HASHER", Counting())
    said = []
    for name, password in (("Nobody", PASSWORD), ("Dr. Invented", "wrong"), ("Gone", PASSWORD), ("Gone", "wrong")):
        with pytest.raises(FerError) as refusal:
            sessions.sign_in(db, name, password)
        said.append((refusal.value.code, refusal.value.message))
    assert len(set(said)) == 1
    assert len(worked) == 4


def test_each_refusal_writes_as_much_to_the_disk(db):
    doors.add_account(db)
    written = []
    event.listen(db.engine, "before_cursor_execute", lambda *reported: written.append(reported[2].split()[0]))
    for name in ("Dr. Invented", "Nobody"):
        assert code_of(sessions.sign_in, db, name, "wrong") == "sign_in_refused"
    writes = [word for word in written if word in ("INSERT", "UPDATE")]
    assert writes == ["INSERT", "INSERT", "INSERT", "UPDATE"]


def test_known_and_unknown_names_wait_alike_even_with_the_right_password(db):
    doors.add_account(db)
    for name in ("Dr. Invented", "Nobody"):
        assert [code_of(sessions.sign_in, db, name, "wrong") for _ in range(6)] == [
            *["sign_in_refused"] * 5,
            "sign_in_delayed",
        ]
    assert code_of(sessions.sign_in, db, "Dr. Invented", PASSWORD) == "sign_in_delayed"
    assert actions(db) == ["sign_in_refused"] * 5


def test_the_right_password_forgets_failures(db):
    doors.add_account(db)
    for _ in range(3):
        for _ in range(4):
            assert code_of(sessions.sign_in, db, "Dr. Invented", "wrong") == "sign_in_refused"
        sessions.sign_in(db, "Dr. Invented", PASSWORD)


@pytest.mark.parametrize(
    "passed",
    [
        {"seen_at": sessions.IDLE + timedelta(seconds=1)},
        {"created_at": sessions.ABSOLUTE + timedelta(seconds=1)},
    ],
    ids=["idle", "absolute"],
)
def test_a_sign_in_runs_out_and_does_not_come_back(db, passed):
    token = doors.sign_in(db)
    actor = sessions.actor_of(db, token)
    age(db, **{name: by - timedelta(minutes=1) for name, by in passed.items()})
    assert sessions.actor_of(db, token)
    age(db, **passed)
    assert sessions.actor_of(db, token) is None
    sessions.note_activity(db, actor)
    assert sessions.actor_of(db, token) is None
    sessions.sign_in(db, "Dr. Invented", PASSWORD)
    with db.read() as session:
        assert session.query(SignIn).count() == 1


def test_activity_keeps_a_sign_in_but_not_over_twelve_hours(db):
    token = doors.sign_in(db)
    actor = sessions.actor_of(db, token)
    age(db, seen_at=timedelta(minutes=14))
    sessions.note_activity(db, actor)
    age(db, seen_at=timedelta(minutes=14))
    assert sessions.actor_of(db, token)
    age(db, created_at=sessions.ABSOLUTE)
    sessions.note_activity(db, actor)
    assert sessions.actor_of(db, token) is None


def test_signing_out_ends_all_browsers_of_this_person_alone(db):
    first = doors.sign_in(db)
    second = sessions.sign_in(db, "Dr. Invented", PASSWORD)
    other = doors.sign_in(db, "Other")
    sessions.sign_out(db, sessions.actor_of(db, first))
    assert [sessions.actor_of(db, token) for token in (first, second)] == [None, None]
    assert sessions.actor_of(db, other)


def test_a_new_password_ends_all_browsers_and_gives_this_one_a_new_token(db):
    first = doors.sign_in(db)
    second = sessions.sign_in(db, "Dr. Invented", PASSWORD)
    new = sessions.change_password(db, sessions.actor_of(db, first), PASSWORD, "ten dry umbrellas")
    assert [sessions.actor_of(db, token) for token in (first, second)] == [None, None]
    assert sessions.actor_of(db, new)
    assert code_of(sessions.sign_in, db, "Dr. Invented", PASSWORD) == "sign_in_refused"
    assert sessions.sign_in(db, "Dr. Invented", "ten dry umbrellas")


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        ("wrong", "ten dry umbrellas", "sign_in_refused"),
        (PASSWORD, "short", "short_password"),
        (PASSWORD, PASSWORD, "same_password"),
        (PASSWORD, "dr invented dr invented", "common_password"),
    ],
)
def test_a_password_that_is_not_changed_stays(db, current, new, code):
    token = doors.sign_in(db)
    assert code_of(sessions.change_password, db, sessions.actor_of(db, token), current, new) == code
    assert sessions.actor_of(db, token)
    assert sessions.sign_in(db, "Dr. Invented", PASSWORD)


def test_a_stolen_browser_cannot_try_passwords_for_ever(db):
    actor = doors.actor(db)
    codes = [code_of(sessions.change_password, db, actor, "wrong", "ten dry umbrellas") for _ in range(6)]
    assert codes[-1] == "sign_in_delayed"


def test_a_password_that_is_reset_while_it_is_checked_does_not_sign_in(db, monkeypatch):
    account_id = doors.add_account(db)
    real = passwords.verify

    def verify(stored, password):
        with db.session() as session:
            session.get_one(Account, account_id).password_hash = "another"
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify", verify)
    assert code_of(sessions.sign_in, db, "Dr. Invented", PASSWORD) == "sign_in_refused"
    assert audit.verify(db).first_bad is None
