"""Notes and marks on the page: a mark that was entered by mistake is deleted, and nothing else is said to be gone."""

from datetime import date

from streamlit.testing.v1 import AppTest

from clinic.patients import caseload, events
from clinic.patients.events import EventKind
from web.resources import resources


def notes_page(patient_id):
    from clinic.patients import caseload
    from pages import clicks
    from pages.session import actor
    from pages.views.notes import show_notes
    from web.resources import resources

    with clicks.run():
        show_notes(caseload.get_patient(resources().db, actor(), patient_id))


def opened(enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Invented Person")
    for text in ("an invented one", "an invented mistake"):
        events.add(db, who, patient_id, EventKind.MEDICATION, date(2026, 3, 1), text)
    return who, db, patient_id, AppTest.from_function(notes_page, args=(patient_id,), default_timeout=60).run()


def choose_the_mistake(page):
    box = next(one for one in page.selectbox if one.label == "Marked by mistake")
    at = next(number for number, name in enumerate(box.options) if name.endswith("an invented mistake"))
    return box.select_index(at).run()


def test_who_deletes_a_mark_is_not_asked_to_choose_another_one(settings, enter):
    who, db, patient_id, page = opened(enter)
    choose_the_mistake(page)
    next(button for button in page.button if button.label == "Delete this mark").click().run()
    assert [mark.text for mark in events.marks(db, who, patient_id)] == ["an invented one"]
    assert not page.exception
    assert not page.warning


def test_who_has_chosen_a_mark_that_a_colleague_deletes_is_asked_to_choose_again(settings, enter):
    who, db, patient_id, page = opened(enter)
    choose_the_mistake(page)
    mistake = next(mark for mark in events.marks(db, who, patient_id) if mark.text == "an invented mistake")
    events.remove(db, who, mistake.id)
    page.run()
    assert [said.value for said in page.warning] == ["What was chosen is no longer there. Please choose again."]
    assert not any(button.label == "Delete this mark" for button in page.button)
