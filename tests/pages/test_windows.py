"""A window stays open, whatever draws the page again, until it is closed or what it is about has gone."""

import ast
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, update
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from clinic.admin import demo
from clinic.patients import caseload
from clinic.recordings import marks
from clinic.recordings.verdicts import MarkFields, Verdict
from db.models import Job, JobState, Patient, Recording, RecordingMark, Role, Sample
from tests import consents, doors
from web.resources import resources


def page():
    """A page with a window about an edition of a record, and with two buttons of its own."""
    import streamlit as st

    from pages import actions, clicks, windows

    @actions.dialog("Edit")
    def edit(edition):
        st.write(f"edition {edition}")
        st.text_input("Note", key="note")
        if actions.action("Save", "save", "one"):
            st.session_state["saved"] = edition
            st.rerun()

    edition = st.session_state.setdefault("edition", 1)
    with clicks.run():
        if st.session_state.setdefault("writable", True) and actions.action("Edit", "edit", "one", opens=True):
            actions.open_dialog("edit")
            edit(edition)
        actions.action("Other", "other", "one")
        windows.account()
    clicks.show_notes()


@pytest.fixture
def app():
    found = AppTest.from_function(page, default_timeout=60).run()
    return click(found, "edit")


def click(app, what):
    found = next(one for one in app.button if one.key == f"{what}:one").click().run()
    assert not found.exception
    return found


def shown(app):
    return [one.value for one in app.markdown if one.value.startswith("edition")]


def said(app):
    return [one.value for one in app.warning]


def test_a_run_that_nobody_clicked_for_leaves_the_window_open_with_what_was_typed(app):
    app.text_input[0].set_value("half a sentence").run()
    opening = app.session_state["opening:edit"]
    for _ in range(2):
        app.run()
        assert (shown(app), said(app), app.text_input[0].value) == (["edition 1"], [], "half a sentence")
    assert app.session_state["opening:edit"] == opening, "the same opening"
    click(app, "edit")
    assert app.session_state["opening:edit"] == opening, "also for the second half of a double click"


def test_the_window_counts_for_what_it_was_opened_with(app):
    app.session_state["edition"] = 2
    app.run()
    assert shown(app) == ["edition 1"], "what the person saw is what an edit is compared with"
    click(app, "save")
    assert app.session_state["saved"] == 1
    click(app, "edit")
    assert shown(app) == ["edition 2"]


def test_what_is_done_in_it_closes_it(app):
    click(app, "save")
    assert (shown(app), said(app)) == ([], [])
    assert shown(app.run()) == []


def test_closed_by_hand_it_stays_closed(app):
    # As Streamlit reports the cross of a window, which is a widget without a key.
    (cross,) = [one for one in app.session_state._state._state._new_widget_state.widget_metadata if "None" in one]
    app._run(WidgetStates(widgets=[WidgetState(id=cross, trigger_value=True)]))
    assert (shown(app), said(app)) == ([], [])
    assert shown(app.run()) == []


def test_it_closes_with_a_sentence_where_its_button_is_gone(app):
    app.session_state["writable"] = False
    app.run()
    assert shown(app) == []
    (sentence,) = said(app)
    assert sentence.startswith("The window “Edit” was closed:")
    app.session_state["writable"] = True
    assert shown(app.run()) == [], "once closed it does not come back by itself"


def test_a_sentence_on_a_click_in_it_takes_the_place_of_that_one(app):
    app.session_state["writable"] = False
    app._run(WidgetStates(widgets=[WidgetState(id="$$ID-0123-save:one", trigger_value=True)]))
    (sentence,) = said(app)
    assert "click “Save” again" in sentence


def test_on_another_page_nothing_is_said_of_it(app):
    app.session_state["writable"] = False
    app.query_params["patient"] = "another"
    app.run()
    assert (shown(app), said(app)) == ([], [])


def test_a_click_on_the_page_below_means_that_it_was_closed(app):
    click(app, "other")
    assert (shown(app), said(app)) == ([], [])


PAGES = Path(__file__).parents[2] / "pages"


def openers(tree):
    """Yield each call of a button that opens something, and the names that its function gives to targets."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.Module):
            continue
        named = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and any(one.arg == "opens" for one in node.keywords):
                yield node.lineno, named.get(getattr(node.args[2], "id", ""), node.args[2])


def test_no_button_that_opens_a_window_goes_with_a_revision():
    """Such a button is another one after a colleague's edit, and its window closes with what is typed in it."""
    found = [
        (path.name, line)
        for path in PAGES.rglob("*.py")
        # The buttons of the last one open no window: they tick boxes, which go with what was drawn.
        if path.name not in ("actions.py", "confirm.py", "picture_faces.py")
        for line, target in openers(ast.parse(path.read_text(encoding="utf-8")))
        if "actions.at" in ast.unparse(target)
    ]
    assert found == []


def recorded(db, patient_id):
    """Store an analysed recording, and return its id."""
    stored, table = demo._recording(patient_id, demo.InventedVisit(0, 0.3, 0.2, minutes=0.5), np.random.default_rng(1))
    with db.session() as session:
        session.add(stored)
        session.flush()
        session.add(Job(recording_id=stored.id, state=JobState.DONE.value, created_at=doors.now()))
        session.execute(insert(Sample), demo._rows(stored.id, table))
        return stored.id


def edit_by_a_colleague(db, patient_id, recording_id):
    """Raise every revision that the buttons of these pages were bound to."""
    with db.session() as session:
        session.get_one(Patient, patient_id).revision += 1
        session.get_one(Patient, patient_id).consents_revision += 1
        session.get_one(Recording, recording_id).revision += 1
        session.execute(update(RecordingMark).values(revision=7, note="a colleague's"))


@pytest.mark.parametrize(
    ("name", "opener", "box"),
    [
        ("recording", "Edit day and note", "Note"),
        ("recording", "Delete this recording", "To confirm, type the patient's name"),
        ("recording", "Change", "Note (optional)"),
        ("patient", "Edit", "Name or code"),
        ("patient", "Record consent", "Where the signed document is kept"),
        ("patient", "Withdraw everything", "To confirm, type the patient's name"),
        ("patient", "Report", "Remark (optional)"),
    ],
)
def test_a_window_and_what_is_typed_in_it_outlast_a_colleague_s_edit(enter, name, opener, box):
    who, parts = enter(role=Role.ADMINISTRATOR), resources()
    patient_id = caseload.add_patient(parts.db, who, "Zed Zulu")
    consents.agree(parts.db, patient_id)
    recording_id = recorded(parts.db, patient_id)
    marks.add(parts.db, who, recording_id, MarkFields(1.0, 2.0, Verdict.EXCLUDE, reason="camera"))
    page = AppTest.from_file(str(PAGES / "shell.py"), default_timeout=60).run()
    page.switch_page(f"{name}.py")
    page.query_params["id"] = page.query_params["patient"] = recording_id if name == "recording" else patient_id
    page.run()
    next(one for one in page.button if one.label == opener).click().run()

    def typed():
        return [one for one in [*page.text_input, *page.text_area] if one.label == box]

    typed()[0].set_value("half a sentence").run()
    before = typed()[0].value
    edit_by_a_colleague(parts.db, patient_id, recording_id)
    page.run()
    assert not page.exception
    # What is typed in a form is in the browser until it is sent.
    assert [one.value for one in typed()] == [before]
    assert before == "half a sentence" or typed()[0].form_id
    assert [one.value for one in page.warning if "was closed" in one.value] == []
