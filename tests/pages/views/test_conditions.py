"""The conditions of a patient's face on the page: one that held ends with the day that a person gives."""

from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload, conditions
from clinic.patients.conditions import ConditionKind
from web.resources import resources

SINCE = date(2026, 3, 1)


def conditions_page(patient_id):
    from clinic.patients import caseload
    from pages import clicks
    from pages.session import actor
    from pages.views.conditions import show_conditions
    from web.resources import resources

    with clicks.run():
        show_conditions(caseload.get_patient(resources().db, actor(), patient_id))


@pytest.fixture
def held(settings, enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Invented Person")
    conditions.add(db, who, patient_id, ConditionKind.COVERED, SINCE)
    page = AppTest.from_function(conditions_page, args=(patient_id,), default_timeout=60).run()
    return page, lambda: conditions.conditions(db, who, patient_id)[0].ended_on


def clicked(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def ended_by(page, day):
    next(box for box in page.date_input if box.label == "First day without it").set_value(day)
    return clicked(page, "No longer applies")


def test_the_day_of_the_end_is_the_one_that_is_given(held):
    page, ended_on = held
    ended_by(page, date(2026, 3, 20))
    assert ended_on() == date(2026, 3, 20)
    assert any("from 1 Mar 2026 to 19 Mar 2026" in said.value for said in page.markdown)


def test_a_day_before_the_beginning_is_refused_with_a_sentence(held):
    page, ended_on = held
    ended_by(page, date(2026, 2, 27))
    assert ended_on() is None
    assert "from 1 Mar 2026 to today" in page.error[0].value


def chosen(page):
    box = next(one for one in page.selectbox if one.label == "Recorded by mistake")
    return box.select_index(0).run()


def test_a_wrong_day_is_corrected_and_a_mistake_is_deleted(held):
    page, _ = held
    chosen(page)
    first = next(box for box in page.date_input if box.label == "Since" and box.value == SINCE)
    first.set_value(date(2026, 2, 1))
    clicked(page, "Save")
    assert any("since 1 Feb 2026" in said.value for said in page.markdown)
    chosen(page)
    clicked(page, "Delete this condition")
    assert not any("since 1 Feb 2026" in said.value for said in page.markdown)


def test_who_deletes_one_of_two_is_not_asked_to_choose_another_one(settings, enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Invented Person")
    for kind in (ConditionKind.COVERED, ConditionKind.AUTISM):
        conditions.add(db, who, patient_id, kind, SINCE)
    page = AppTest.from_function(conditions_page, args=(patient_id,), default_timeout=60).run()
    chosen(page)
    clicked(page, "Delete this condition")
    assert len(conditions.conditions(db, who, patient_id)) == 1
    assert not page.warning
