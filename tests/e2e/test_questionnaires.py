"""Questionnaires in a real browser: nine answers by keyboard alone, and the device in a patient's hands and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from clinic.accounts.accounts import grant
from clinic.questionnaires.published import PHQ9
from db.models import Account, Patient, QuestionnaireAnswer
from tests.e2e.conftest import accessible, settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

NAME, PIN = "Quentin Invented", "4711"


@pytest.fixture
def patient(account, sign_in, page):
    """The id of a patient whose questionnaires are open; no consent was recorded."""
    with account.session() as session:
        stored = Patient(name=NAME, created_at=datetime.now(UTC))
        session.add(stored)
        session.flush()
        grant(session, session.scalar(select(Account.id)), stored.id)
    sign_in(at=f"patient?patient={stored.id}&tab=questionnaires")
    page.get_by_role("button", name="Save questionnaire").wait_for()
    settled(page)
    return stored.id


def stored(account):
    with account.read() as session:
        found = session.scalars(select(QuestionnaireAnswer).order_by(QuestionnaireAnswer.number)).all()
        return [(row.scale, row.items, row.total, row.how) for row in found]


def test_nine_answers_are_entered_by_keyboard_alone(account, page, server, patient):
    page.get_by_label("1. Little interest", exact=False).focus()
    pressed = 0
    for digit in "12012010":
        page.keyboard.press(digit)
        page.keyboard.press("Tab")
        pressed += 2
    page.get_by_text("Total 8 of 27: mild.", exact=False).wait_for()
    assert page.get_by_text("is answered above 0", exact=False).count() == 0
    page.keyboard.press("1")
    page.keyboard.press("Tab")
    page.get_by_text("is answered above 0", exact=False).wait_for()
    assert page.get_by_text("Total 8 of 27: mild.", exact=False).is_visible()
    assert "Save questionnaire" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Enter")
    page.get_by_text("PHQ-9 was saved.", exact=False).wait_for()
    assert pressed + 3 == 19, "two keys an answer, and one to save"
    assert stored(account) == [("phq9", [1, 2, 0, 1, 2, 0, 1, 0, 1], 8.0, "items")]
    page.get_by_text("was answered above 0 on", exact=False).wait_for()
    assert page.get_by_label("1. Little interest", exact=False).input_value() == "", "ready for the next one"


def test_a_patient_answers_on_the_device_and_sees_nothing_else(account, page, server, patient):
    other_tab = page.context.new_page()
    other_tab.goto(f"{server}/patient?patient={patient}")
    other_tab.get_by_role("heading", name=NAME).wait_for()
    page.goto(f"{server}/hand-over?patient={patient}&scale=phq9")
    accessible(page)
    page.get_by_label("PIN of 4 to 12 digits").fill(PIN)
    page.get_by_label("PIN again").fill(PIN)
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("Question 1 of 9").wait_for()
    assert NAME not in page.content()
    page.go_back()
    page.wait_for_load_state()
    assert NAME not in page.content(), "no page from before the hand-over comes back"
    page.goto(f"{server}/questionnaire")
    answer_with_two_taps(page)
    other_tab.get_by_role("button", name="Sign in").wait_for()
    for path in ("", "/caseload", f"/patient?patient={patient}", "/your-account", f"/hand-over?patient={patient}"):
        other_tab.goto(server + path)
        assert NAME not in other_tab.content()
        assert other_tab.url.endswith("/sign-in")
    answer_all(page)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Thank you.").wait_for()
    page.go_back()
    page.goto(f"{server}/questionnaire?q=1")
    page.get_by_role("heading", name="Thank you.").wait_for()
    assert stored(account) == [("phq9", [3, 1, 1, 1, 1, 1, 1, None, 2], 12.0, "patient")]
    page.get_by_role("link", name="For staff").click()
    page.get_by_label("PIN").fill("0000")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("This PIN is wrong.").wait_for()
    page.get_by_label("PIN").fill(PIN)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name=NAME).wait_for()
    page.get_by_text("was answered above 0 on", exact=False).wait_for()
    page.get_by_role("tab", name="Notes and events").click()
    page.get_by_role("heading", name="Do not interpret labels").wait_for()
    settled(page)
    accessible(page)


def answer_with_two_taps(page):
    """Tap an answer as people do who tap everything twice: the question after it, not read yet, stays open."""
    place = page.get_by_role("button", name="Several days").bounding_box()
    at = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.wait_for_timeout(1000)
    page.mouse.click(*at)
    page.get_by_text("Question 2 of 9").wait_for()
    page.mouse.click(*at)
    page.wait_for_timeout(1000)
    assert page.get_by_text("Question 2 of 9").is_visible()
    page.get_by_role("button", name="Back").click()
    page.get_by_text("Question 1 of 9").wait_for()


def answer_all(page):
    """Answer question after question: by a click, by keys, back again to change the first, and one left open."""
    sizes = page.locator("h1").evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert sizes >= 28, "large type"
    page.get_by_role("button", name="Not at all").click()
    page.get_by_text("Question 2 of 9").wait_for()
    page.get_by_role("button", name="Back").click()
    page.get_by_text("Question 1 of 9").wait_for()
    assert page.get_by_role("button", name="Not at all").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Nearly every day").click()
    for number in range(2, 8):
        page.get_by_text(f"Question {number} of 9").wait_for()
        page.get_by_role("button", name="Several days").press("Enter")
    page.get_by_text("Question 8 of 9").wait_for()
    page.get_by_role("button", name="Leave unanswered").click()
    page.get_by_role("heading", name=re.compile(re.escape(PHQ9.items[8][:30]))).wait_for()
    page.get_by_role("button", name="More than half the days").click()
    page.get_by_text("One question is still open.").wait_for()
    page.get_by_role("link", name="Go to question 8").click()
    page.get_by_text("Question 8 of 9").wait_for()
    page.get_by_role("button", name="Leave unanswered").click()
    page.get_by_text("Question 9 of 9").wait_for()
    page.get_by_role("button", name="More than half the days").click()
    page.get_by_text("One question is still open.").wait_for()
