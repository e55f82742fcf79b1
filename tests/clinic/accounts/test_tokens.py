"""Tokens of programs: who makes them, what they know, and what ends them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic import access, clock
from clinic.accounts import sessions, tokens
from clinic.audit import AuditAction
from clinic.erasure import deletion
from db.models import ApiToken, ApiTokenPatient, AuditRow, Role
from fer_core.errors import FerError
from tests import doors
from tests.doors import PASSWORD


def made(db, who, *patients, name="a script"):
    return tokens.make(db, who, name, patients, PASSWORD)


def code_of(call, *arguments):
    with pytest.raises(FerError) as refusal:
        call(*arguments)
    return refusal.value.code


def test_a_token_acts_for_its_patients_and_its_text_is_not_kept(db, who, patient):
    token = made(db, who, patient)
    actor = tokens.actor_of(db, token)
    assert (actor.account_id, actor.role, actor.patients) == (who.account_id, Role.CLINICIAN, frozenset({patient}))
    with db.read() as session:
        stored = session.scalar(select(ApiToken))
        assert token not in repr(vars(stored))
        found = session.scalars(select(AuditRow).where(AuditRow.action == AuditAction.TOKEN_MADE)).all()
        assert [row.patient_id for row in found] == [None, patient]
        assert token not in repr([row.details for row in found])
    assert sessions.actor_of(db, token) is None


def test_a_wrong_password_makes_none(db, who, patient):
    assert code_of(tokens.make, db, who, "a script", [patient], "wrong") == "sign_in_refused"
    assert tokens.listed(db, who) == []


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb\u202ec"])
def test_a_token_has_a_name(db, who, name):
    assert code_of(tokens.make, db, who, name, [], PASSWORD) == "bad_token_name"


def test_an_account_has_so_many_tokens(db, who, monkeypatch):
    monkeypatch.setattr(tokens, "MOST", 1)
    made(db, who)
    assert code_of(made, db, who) == "too_many_tokens"
    tokens.revoke(db, who, tokens.listed(db, who)[0].id)
    made(db, who)


def test_nobody_revokes_the_token_of_another(db, who):
    token = made(db, who)
    other = doors.actor(db, "Dr. Other")
    tokens.revoke(db, other, tokens.listed(db, who)[0].id)
    assert tokens.actor_of(db, token) is not None
    assert tokens.listed(db, other) == []


@pytest.mark.parametrize("by", [-tokens.LASTS - timedelta(minutes=2), timedelta(days=2)], ids=["old", "clock ahead"])
def test_a_token_ends(db, who, by):
    token = made(db, who)
    with db.session() as session:
        session.scalar(select(ApiToken)).created_at = clock.now() + by
    assert tokens.actor_of(db, token) is None
    assert tokens.listed(db, who) == []


def test_a_deleted_patient_leaves_the_token_for_nobody(db, settings, who, patient):
    token = made(db, who, patient)
    deletion.delete_patient(db, settings, who, patient)
    assert tokens.actor_of(db, token).patients == frozenset()
    with db.read() as session:
        assert session.scalars(select(ApiTokenPatient)).all() == []


def test_no_program_keeps_accounts(db):
    administrator = doors.actor(db, "Admin", Role.ADMINISTRATOR)
    actor = tokens.actor_of(db, made(db, administrator))
    with db.read() as session:
        assert code_of(access.require_administrator, session, actor) == "only_administrators"


def test_a_use_after_the_end_is_refused(db, who):
    actor = tokens.actor_of(db, made(db, who))
    tokens.revoke(db, who, actor.token_id)
    assert code_of(tokens.note_use, db, actor, "patients") == "signed_out"
    assert not tokens.lives(db, actor)
