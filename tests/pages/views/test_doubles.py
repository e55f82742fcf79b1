"""A user who adds or renames a patient is shown who is there already, and decides."""

from streamlit.testing.v1 import AppTest

from clinic.patients import caseload
from web.resources import resources


def naming(patient_id):
    from clinic.patients import caseload
    from pages import clicks
    from pages.session import actor
    from pages.views.patient_edit import edit_fields
    from web.resources import resources

    with clicks.run():
        edit_fields(caseload.get_patient(resources().db, actor(), patient_id))


def adding(patient_id):
    import streamlit as st

    from clinic.patients import caseload, doubles
    from clinic.patients.fields import PatientFields
    from pages import actions, clicks
    from pages.session import actor
    from pages.views.doubles import hint, keep_others, show_others
    from web.resources import resources

    db, who = resources().db, actor()
    with clicks.run():
        show_others(st.session_state.get("added", ""))
        with st.form("add_patient"):
            name = st.text_input("Name or code")
            wanted = actions.submit("Add", "add_patient", "one", kind="primary")
        with hint("one") as accepted:
            if wanted:
                doubles.need_no_other(db, who, PatientFields(name), None, accepted)
                st.session_state["added"] = added = caseload.add_patient(db, who, name)
                keep_others(added, doubles.others(db, who, added))


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception


def names(who):
    return sorted(one.name for one in caseload.list_patients(resources().db, who))


def test_a_patient_who_is_renamed_like_another_is_renamed_after_a_tick(enter):
    who = enter()
    caseload.add_patient(resources().db, who, "Ana Müller")
    patient_id = caseload.add_patient(resources().db, who, "Berta")
    page = AppTest.from_function(naming, args=(patient_id,), default_timeout=60).run()
    page.text_input[0].set_value("ANA MULLER")
    press(page, "Save")
    [said] = page.warning
    assert said.value.startswith("Ana Müller · ID ")
    assert "has the same name" in said.value
    press(page, "Save")
    assert names(who) == ["Ana Müller", "Berta"], "the second half of a double click decides nothing"
    page.checkbox[0].check().run()
    press(page, "Save")
    assert names(who) == ["ANA MULLER", "Ana Müller"]


def test_a_note_alone_asks_nothing(enter):
    who = enter()
    caseload.add_patient(resources().db, who, "Ana Müller")
    patient_id = caseload.add_patient(resources().db, who, "Ana Muller")
    page = AppTest.from_function(naming, args=(patient_id,), default_timeout=60).run()
    page.text_area[0].set_value("comes on Mondays")
    press(page, "Save")
    assert caseload.get_patient(resources().db, who, patient_id).note == "comes on Mondays"
    assert not page.warning


def test_a_patient_who_is_added_like_another_is_added_after_a_tick(enter):
    who = enter()
    caseload.add_patient(resources().db, who, "Ana Müller")
    page = AppTest.from_function(adding, args=("",), default_timeout=60).run()
    page.text_input[0].set_value("ana muller")
    press(page, "Add")
    assert "has the same name" in page.warning[0].value
    assert names(who) == ["Ana Müller"]
    page.checkbox[0].check().run()
    press(page, "Add")
    assert names(who) == ["Ana Müller", "ana muller"]
