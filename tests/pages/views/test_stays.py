"""An open page is drawn again once somebody edits what it shows, and not while a window is open above it."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload, visibility
from web.resources import resources


def page(patient_id, standing, window, listed):
    """Draw the page with an older edition first, as if somebody had edited the patient since; count the runs."""
    import streamlit as st

    from clinic.patients import visibility
    from pages import clicks, windows
    from pages.session import actor
    from pages.views.stays import while_listed, while_open
    from web.resources import resources

    who, db = actor(), resources().db
    st.session_state["runs_seen"] = st.session_state.get("runs_seen", 0) + 1
    now = visibility.states(db, who, [patient_id])
    drawn = {patient_id: standing} if st.session_state["runs_seen"] == 1 else now
    with clicks.run():
        if window:
            windows.opened("Edit", (), {})
        if listed:
            while_listed(who, drawn)
        else:
            while_open(who, patient_id, None, visibility.state(db, who, patient_id), drawn)


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("changed", "window", "runs"),
    [("edition", False, 2), ("edition", True, 1), ("left_out", False, 2), ("left_out", True, 1), (None, False, 1)],
)
def test_an_edit_and_what_is_left_out_draw_the_page_again_unless_a_window_is_open(enter, listed, changed, window, runs):
    who = enter()
    patient = caseload.add_patient(resources().db, who, "Invented Person")
    now = visibility.states(resources().db, who, [patient])[patient]
    standing = replace(now, **({changed: (-1, *getattr(now, changed)[1:])} if changed else {}))
    found = AppTest.from_function(page, args=(patient, standing, window, listed), default_timeout=60).run()
    assert not found.exception
    assert found.session_state["runs_seen"] == runs
