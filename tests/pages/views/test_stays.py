"""An open page is drawn again once somebody edits what it shows, and not while a window is open above it."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload, visibility
from db.models import Role
from tests.pages.test_pages import open_page
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


def choice(before, window):
    import streamlit as st

    from clinic.patients import visibility
    from pages import clicks, windows
    from pages.session import actor
    from pages.views.stays import while_offered
    from web.resources import resources

    st.session_state["runs_seen"] = st.session_state.get("runs_seen", 0) + 1
    drawn = before if st.session_state["runs_seen"] == 1 else visibility.offered(resources().db, actor())
    with clicks.run():
        if window:
            windows.opened("Edit", (), {})
        while_offered(actor(), drawn)


@pytest.mark.parametrize(
    ("changed", "window", "runs"), [("gone", True, 2), ("edited", False, 2), ("edited", True, 1), (None, False, 1)]
)
def test_a_form_is_drawn_again_once_a_patient_whom_it_offers_is_taken_away_or_edited(enter, changed, window, runs):
    who = enter()
    caseload.add_patient(resources().db, who, "Invented Person")
    before = visibility.offered(resources().db, who)
    if changed == "gone":
        before |= {"0" * 32: (1, 1, 1)}
    elif changed == "edited":
        before = dict.fromkeys(before, (0, 1, 1))
    found = AppTest.from_function(choice, args=(before, window), default_timeout=60).run()
    assert not found.exception
    assert found.session_state["runs_seen"] == runs


@pytest.mark.parametrize("name", ["record", "live", "activity"])
def test_each_page_that_offers_patients_watches_them(enter, monkeypatch, name):
    caseload.add_patient(resources().db, enter(role=Role.ADMINISTRATOR), "Invented Person")
    watched = []
    monkeypatch.setattr("pages.views.stays.while_offered", lambda who, before: watched.append(len(before)))
    open_page(name)
    assert watched[-1] == 1
