"""The page on which a person makes and revokes tokens for programs."""

import re
from datetime import date

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from clinic.accounts import sessions, tokens
from clinic.patients import caseload
from tests import doors
from web import tokens as token_page
from web.gate import Behind, Gate
from web.paths import TOKENS
from web.resources import database


@pytest.fixture
def client(settings):
    behind = Behind(database, lambda message: True, b"", "default-src 'self'")
    app = Starlette(routes=token_page.ROUTES, middleware=[Middleware(Gate, behind=behind)])
    return TestClient(
        app, base_url="http://clinic.test", cookies={"sign_in": doors.sign_in(database())}, follow_redirects=False
    )


@pytest.fixture
def who(client):
    return sessions.actor_of(database(), client.cookies["sign_in"])


def make(client, **form):
    return client.post(TOKENS, data={"action": "make", "name": "a <b>script", "current": doors.PASSWORD, **form})


def test_a_token_is_shown_once_and_revoked(client, who):
    patient = caseload.add_patient(database(), who, "Invented <i>Person")
    shown = make(client, **{f"patient_{patient}": "1"})
    (token,) = re.findall(r"fer_[\w-]{43}", shown.text)
    assert tokens.actor_of(database(), token).patients == {patient}
    listed = client.get(TOKENS).text
    assert token not in listed
    assert "a &lt;b&gt;script" in listed
    assert f"For Invented &lt;i&gt;Person · ID {patient[:6]}. Made" in listed
    [asked] = re.findall(r"<details>.*?</details>", listed, re.DOTALL)
    assert "can't be undone" in asked, "a click alone revokes nothing"
    assert listed.count('value="revoke"') == asked.count('value="revoke"') == 1
    token_id = re.search(r'name="token" value="(\w+)"', listed).group(1)
    assert client.post(TOKENS, data={"action": "revoke", "token": token_id}).status_code == 303
    assert tokens.actor_of(database(), token) is None
    assert "There is none." in client.get(TOKENS).text


def test_two_patients_of_one_name_are_told_apart(client, who):
    """By the date of birth, and always by the id: before it is made, and in the list of what was made."""
    born = [date(1980, 5, 4), None, None]
    twins = [caseload.add_patient(database(), who, "Anna Twin", code="A", born_on=day) for day in born]
    labels = {
        one: f"Anna Twin · A · {'born 4 May 1980 · ' if day else ''}ID {one[:6]}"
        for one, day in zip(twins, born, strict=True)
    }
    page = client.get(TOKENS).text
    for one, label in labels.items():
        assert re.search(rf'name="patient_{one}" value="1">{re.escape(label)}</label>', page)
    make(client, **{f"patient_{twins[1]}": "1", f"patient_{twins[2]}": "1"})
    assert f"For {labels[twins[1]]}; {labels[twins[2]]}." in client.get(TOKENS).text


def test_a_token_for_no_patient_is_asked_for_in_words(client, who):
    patient = caseload.add_patient(database(), who, "Invented Person")
    for form in ({}, {"nobody": "1", f"patient_{patient}": "1"}):
        refused = make(client, **form)
        assert refused.status_code == 403
        assert "fer_" not in refused.text
    assert "fer_" in make(client, nobody="1").text


def test_a_wrong_password_and_a_foreign_patient_make_none(client, who):
    foreign = caseload.add_patient(database(), doors.actor(database(), "Dr. Other"), "Not Yours")
    for form in ({"nobody": "1", "current": "wrong"}, {f"patient_{foreign}": "1"}):
        assert make(client, **form).status_code == 403
    assert tokens.listed(database(), who) == []
    assert "Not Yours" not in client.get(TOKENS).text
