"""What somebody unfolded stays so, with the file in it, while a colleague works; a menu closes below a window."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from clinic.accounts import sessions
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Given
from db.models import QuestionnaireAnswer
from tests import doors
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]


def table(folder, day):
    file = folder / f"{day}.csv"
    file.write_text(f"date;scale;total\n{day};PHQ-9;7\n")
    return file


def choose(page, file):
    page.get_by_label("Choose a CSV file").set_input_files(file)
    page.get_by_text("1 of 1 row can be imported", exact=False).wait_for()
    settled(page)


def test_a_file_is_imported_while_a_colleague_enters_a_questionnaire_and_a_second_one_after_it(
    add_patient, account, window, tmp_path
):
    patient_id = add_patient("Quentin Invented")
    page = window(at=f"patient?patient={patient_id}&tab=questionnaires")
    folded = page.get_by_text("Import from CSV", exact=True)
    folded.click()
    choose(page, table(tmp_path, "2026-03-02"))
    colleague = sessions.actor_of(account, sessions.sign_in(account, "Dr. Invented", doors.PASSWORD))
    answers.record(account, colleague, patient_id, Given("phq9", date(2026, 3, 1), (1,) * 9, None, "items"))
    page.get_by_text("All questionnaires (1)").wait_for()
    settled(page)
    page.get_by_role("button", name="Import 1").click()
    page.get_by_text("1 questionnaire.", exact=False).wait_for()
    settled(page)
    if not page.get_by_label("Choose a CSV file").is_visible():
        folded.click()
    choose(page, table(tmp_path, "2026-03-03"))
    page.get_by_role("button", name="Import 1").click()
    page.get_by_text("All questionnaires (3)").wait_for()
    with account.read() as session:
        days = session.scalars(select(QuestionnaireAnswer.answered_on).order_by(QuestionnaireAnswer.answered_on)).all()
    assert days == [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]


def test_the_menu_of_the_consent_does_not_hide_the_window_that_it_opens(add_patient, window):
    page = window(at=f"patient?patient={add_patient('Quentin Invented')}")
    page.get_by_role("button", name="Consent is valid").click()
    page.get_by_role("button", name="Record consent").click()
    form = page.get_by_role("dialog")
    form.get_by_text("Analyse recordings", exact=True).click()
    form.get_by_role("button", name="Record", exact=True).wait_for()
    assert form.get_by_role("checkbox", name="Analyse recordings").is_checked()
    assert page.get_by_role("button", name="Withdraw everything").count() == 0
    page.keyboard.press("Escape")
    form.wait_for(state="detached")
    settled(page)
    page.get_by_role("button", name="Consent is valid").click()
    page.get_by_role("button", name="Withdraw everything").wait_for()
