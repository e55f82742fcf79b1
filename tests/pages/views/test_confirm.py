"""Before something is deleted what is typed has to name the patient who is meant, and no other one."""

import pytest
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload
from web.resources import resources


def asking(patient_id):
    import streamlit as st

    from clinic.patients import caseload
    from pages import clicks
    from pages.session import actor
    from pages.views.confirm import confirmed
    from web.resources import resources

    def cut_off(where):
        if st.session_state.get("cut") == where:
            st.session_state["cut"] = None
            st.stop()

    patient = caseload.get_patient(resources().db, actor(), patient_id)
    with clicks.run():
        cut_off("before")
        if confirmed("Delete", "delete", patient.id, patient):
            st.success("deleted")
        cut_off("after")
    clicks.show_notes()


@pytest.fixture
def anna(enter):
    """The id of a patient, and of one of the same name."""
    who = enter()
    return [caseload.add_patient(resources().db, who, "Anna *Twin*") for _ in range(2)]


def typed(patient_id, text, cut=None):
    page = AppTest.from_function(asking, args=(patient_id,), default_timeout=60).run()
    page.session_state["cut"] = cut
    page.text_input[0].set_value(text)
    [delete] = [button for button in page.button if button.label == "Delete"]
    delete.click().run()
    assert not page.exception
    return page


def test_of_two_of_one_name_the_short_id_is_asked_for(anna):
    page = typed(anna[0], "Anna *Twin*")
    assert [error.value for error in page.error] == ["This is not what is to be typed, so nothing was deleted."]
    assert page.text_input[0].label == "To confirm, type the patient's ID"
    assert any(f"To confirm, type **{anna[0][:6]}**." in one.value for one in page.markdown)
    assert not typed(anna[0], anna[1][:6]).success
    assert typed(anna[0], anna[0][:6]).success


def test_the_name_stands_above_the_box_and_what_is_read_out_has_no_markdown(enter):
    patient = caseload.add_patient(resources().db, enter(), "Ann *B*", code="K-1")
    page = typed(patient, "ann *b*")
    assert page.success
    assert page.text_input[0].label == "To confirm, type the patient's name or code"
    assert "To confirm, type **Ann \\*B\\*** or **K\\-1**." in [
        one.value.replace("K-1", "K\\-1") for one in page.markdown
    ]
    # The way back stands first, and neither button is the filled one.
    assert [button.label for button in page.button][:2] == ["Keep everything", "Delete"]
    assert {button.proto.type for button in page.button} == {"secondary"}


def test_a_click_is_judged_once_by_what_stood_there_when_it_was_made(anna):
    """It was refused, said so, and carried out with what was typed later."""
    page = typed(anna[0], "somebody", cut="before")
    assert not page.error, "no run has come to the button yet"
    page.session_state[f"typed:delete:{anna[0]}"] = anna[0][:6]
    page.run()
    assert [error.value for error in page.error] == ["This is not what is to be typed, so nothing was deleted."]
    assert not page.success
    assert not page.run().success


def test_a_refusal_is_the_one_thing_that_is_said_of_a_click(anna):
    page = typed(anna[0], "somebody", cut="after")
    assert page.error
    page.run()
    assert (list(page.warning), list(page.success)) == ([], [])
