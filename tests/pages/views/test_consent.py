"""Withdrawing a consent: what was counted on the screen is what goes."""

from datetime import UTC, date, datetime

import pytest
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload
from db.models import Recording
from tests.consents import agree
from web.resources import resources


def dialog(patient_id):
    import streamlit as st

    from clinic.consent.consent import Scope
    from clinic.patients import caseload
    from pages import clicks
    from pages.session import actor
    from pages.views.consent import _withdraw
    from web.resources import resources

    # A dialog is drawn again for the patient as it was opened.
    if "patient" not in st.session_state:
        st.session_state["patient"] = caseload.get_patient(resources().db, actor(), patient_id)
    with clicks.run():
        _withdraw.__wrapped__(st.session_state["patient"], [Scope.KEEP_RESULTS])
    clicks.show_notes()


def add_recording(db, patient_id):
    with db.session() as session:
        session.add(
            Recording(patient_id=patient_id, kind="video", recorded_on=date(2026, 1, 1), created_at=datetime.now(UTC))
        )


@pytest.mark.parametrize(("meanwhile", "left"), [(False, 0), (True, 2)], ids=["as counted", "one came meanwhile"])
def test_a_withdrawal_is_for_what_was_counted_on_the_screen(settings, enter, meanwhile, left):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Invented Person")
    agree(db, patient_id)
    add_recording(db, patient_id)
    page = AppTest.from_function(dialog, args=(patient_id,), default_timeout=60).run()
    page.text_input[0].set_value("Invented Person").run()
    if meanwhile:
        add_recording(db, patient_id)
    next(button for button in page.button if button.label == "Withdraw and delete").click().run()
    assert not page.exception
    said = [warning.value for warning in page.warning]
    assert any("Nothing was done: what was on the screen has changed" in one for one in said) is meanwhile
    assert any("Permanently deleted: 2 recordings" in one for one in said) is meanwhile
    assert len(caseload.get_patient(db, who, patient_id).recordings) == left
