"""The patient's screens, without a browser: what a cookie opens, what a wrong form does, and what is escaped."""

import re
from html import unescape

import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from clinic.accounts import accounts, sessions
from clinic.patients import caseload
from db.models import HandOver, Patient, QuestionnaireAnswer
from tests import doors
from web import patient_mode, sign_in
from web.gate import Behind, Gate
from web.resources import database

PIN = {"pin": "4711", "again": "4711", "scale": "gad7"}


@pytest.fixture
def client(settings):
    def place(request):
        return PlainTextResponse(f"for {request.scope['actor'].name}")

    rest = [Route(path, place) for path in ("/", "/patient", "/uploads/x")]
    behind = Behind(database, lambda message: True, b"", "default-src 'self'")
    routes = [*sign_in.ROUTES, *patient_mode.ROUTES, *rest]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Gate, behind=behind)]), base_url="http://c.test")


@pytest.fixture
def patient(client):
    """The id of a patient of the one who is signed in."""
    token = doors.sign_in(database())
    client.cookies.set("sign_in", token, domain="c.test", path="/")
    return caseload.add_patient(database(), sessions.actor_of(database(), token), "Quentin <b>Invented</b>")


@pytest.fixture
def handed_over(client, patient):
    answer = hand_over(client, patient)
    assert (answer.status_code, answer.headers["location"]) == (303, "/questionnaire")
    return patient


def hidden(client, path, name):
    """What a hidden field of a page holds."""
    found = re.search(f'name="{name}" value="([^"]*)"', client.get(path).text)
    return unescape(found[1]) if found else ""


def hand_over(client, patient, **form):
    who = hidden(client, f"/hand-over?patient={patient}&scale=gad7", "who")
    return client.post("/hand-over", data=PIN | {"patient": patient, "who": who} | form, follow_redirects=False)


def said(client, **form):
    """What the device says to a form of the screen that it shows now."""
    return client.post("/questionnaire", data={"of": hidden(client, "/questionnaire", "of")} | form).text


def test_handing_over_signs_out_and_its_cookie_opens_the_questions_alone(client, handed_over):
    assert set(client.cookies) == {"hand_over"}
    [cookie] = [one for one in client.cookies.jar if one.name == "hand_over"]
    assert (cookie.path, cookie.has_nonstandard_attr("HttpOnly")) == ("/questionnaire", True)
    shown = client.get("/questionnaire").text
    assert "Question 1 of 7" in shown
    assert "Invented" not in shown
    for path in ("/", "/patient", f"/hand-over?patient={handed_over}&scale=gad7", "/uploads/x"):
        assert client.get(path, headers={"accept": "text/html"}).url.path == "/sign-in"


def test_a_wrong_pin_twice_typed_or_a_strange_patient_hands_nothing_over(client, patient):
    assert "differ" in hand_over(client, patient, again="1").text
    assert "4 to 12 digits" in hand_over(client, patient, pin="1", again="1").text
    assert client.post("/hand-over", data=PIN | {"patient": "0" * 32}).status_code == 403
    assert client.get("/hand-over", params={"patient": patient, "scale": "<script>"}).text == "for Dr. Invented"
    assert client.get("/").text == "for Dr. Invented", "still signed in"


def test_the_clinician_sees_whom_the_questions_are_about_and_a_change_of_that_is_refused(client, patient):
    shown = client.get("/hand-over", params={"patient": patient, "scale": "gad7"}).text
    assert "Quentin &lt;b&gt;Invented&lt;/b&gt;" in shown
    assert f"ID {patient[:6]}" in shown
    who = hidden(client, f"/hand-over?patient={patient}&scale=gad7", "who")
    with database().session() as session:
        session.execute(update(Patient).values(name="Somebody Else"))
    refused = client.post("/hand-over", data=PIN | {"patient": patient, "who": who})
    assert "someone changed this patient" in refused.text
    assert "Somebody Else" in refused.text
    assert client.get("/").text == "for Dr. Invented", "still signed in"
    strange = client.get("/hand-over", params={"patient": "0" * 32, "scale": "gad7"})
    assert (strange.status_code, "not on your caseload" in strange.text) == (403, True)


def colleague_signs_in(client, patient):
    token = doors.sign_in(database(), "Colleague")
    with database().session() as session:
        accounts.grant(session, sessions.actor_of(database(), token).account_id, patient)
    client.cookies.set("sign_in", token, domain="c.test", path="/")


def test_a_second_device_for_the_same_patient_says_what_the_first_one_asks(client, handed_over):
    colleague_signs_in(client, handed_over)
    same, other = (
        client.get("/hand-over", params={"patient": handed_over, "scale": scale}).text for scale in ("gad7", "phq9")
    )
    for shown in (same, other):
        assert "GAD-7 is on a device in this patient&#39;s hands already: 0 of 7 questions" in shown.replace(
            "'", "&#39;"
        )
    assert "stored as two questionnaires of one day" in same
    assert "stored as two questionnaires of one day" not in other


def test_a_device_that_was_handed_over_since_the_page_was_opened_is_shown_first(client, handed_over):
    colleague_signs_in(client, handed_over)
    refused = hand_over(client, handed_over, hands="")
    assert (refused.status_code, "another device was handed over" in refused.text) == (403, True)
    hands = hidden(client, f"/hand-over?patient={handed_over}&scale=gad7", "hands")
    assert hand_over(client, handed_over, hands=hands).status_code == 303


def test_a_screen_of_an_earlier_patient_answers_nothing_of_the_next_one(client, handed_over):
    earlier = hidden(client, "/questionnaire", "of")
    client.post("/questionnaire", data={"pin": "4711"})
    actor = sessions.actor_of(database(), client.cookies["sign_in"])
    hand_over(client, caseload.add_patient(database(), actor, "Nora Next"))
    for form in ({"q": "3", "answer": "3"}, {"q": "8", "finish": "1"}, {"q": "3", "back": "1"}):
        answer = client.post("/questionnaire", data=form | {"of": earlier})
        assert (answer.status_code, "nothing was stored" in answer.text) == (409, True)
    with database().read() as session:
        [row] = session.scalars(select(HandOver))
        assert (row.items, row.done_at) == ([None] * 7, None)


def test_odd_forms_change_nothing_and_show_the_question_again(client, handed_over):
    for form in ({}, {"q": "99"}, {"q": "-1", "answer": "9"}, {"q": "2", "answer": "17"}, {"q": "x", "answer": "y"}):
        said(client, **form)
    with database().read() as session:
        assert session.scalar(select(HandOver)).items == [None] * 7


def test_without_a_cookie_there_is_only_the_sign_in(client, handed_over):
    client.cookies.clear()
    assert client.get("/questionnaire").url.path == "/sign-in"
    assert "Sign in" in said(client, pin="4711")
    said(client, q="1", answer="3")
    with database().read() as session:
        assert session.scalar(select(HandOver)).items == [None] * 7


def test_the_pin_comes_back_to_the_patient_s_page_and_another_one_does_not(client, handed_over):
    said(client, q="1", answer="2")
    assert "This PIN is wrong" in said(client, pin="1234")
    back = client.post("/questionnaire", data={"pin": "4711"}, follow_redirects=False)
    assert back.headers["location"].startswith(f"/patient?patient={handed_over}")
    assert set(client.cookies) == {"sign_in"}
    assert client.get("/patient").text == "for Dr. Invented"
    with database().read() as session:
        assert session.scalar(select(QuestionnaireAnswer.items)) == [2, None, None, None, None, None, None]
        assert session.scalar(select(HandOver)) is None


def test_five_wrong_pins_leave_the_password_alone(client, handed_over):
    for _ in range(4):
        assert "This PIN is wrong" in said(client, pin="0000")
    assert client.post("/questionnaire", data={"pin": "0000"}).url.path == "/sign-in"
    assert client.post("/questionnaire", data={"pin": "4711"}).url.path == "/sign-in"
