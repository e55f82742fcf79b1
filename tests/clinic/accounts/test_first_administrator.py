"""The first administrator is added with the console's code, once, and takes the patients of before."""

import pytest

from clinic import words
from clinic.accounts import accounts, first_administrator, sessions
from db.models import Role
from fer_core.errors import FerError
from tests.doors import PASSWORD

CODE = "abcd-efgh-jkmn"


def code_of(attempt, *arguments):
    with pytest.raises(FerError) as refusal:
        attempt(*arguments)
    return refusal.value.code


def test_the_first_administrator_needs_the_code_and_takes_the_patients_of_before(db, orphan):
    assert not first_administrator.any_account(db)
    assert code_of(first_administrator.add, db, CODE, "wrong", "Ada", PASSWORD) == "wrong_code"
    assert code_of(first_administrator.add, db, CODE, CODE, "Ada", "short") == "short_password"
    first_administrator.add(db, CODE, " ABCD efgh JKMN ", "Ada", PASSWORD)
    assert first_administrator.any_account(db)
    actor = sessions.actor_of(db, sessions.sign_in(db, "Ada", PASSWORD))
    assert actor.role is Role.ADMINISTRATOR
    accounts.accept_statement(db, actor, words.STATEMENT_VERSION)
    assert [found.patients for found in accounts.list_accounts(db, actor)] == [(orphan,)]


def test_there_is_one_first_administrator(db):
    first_administrator.add(db, CODE, CODE, "Ada", PASSWORD)
    assert code_of(first_administrator.add, db, CODE, CODE, "Eve", PASSWORD) == "not_first"


def test_the_code_cannot_be_tried_for_ever(db):
    codes = [code_of(first_administrator.add, db, CODE, "wrong", "Eve", PASSWORD) for _ in range(6)]
    assert codes == ["wrong_code"] * 5 + ["sign_in_delayed"]
