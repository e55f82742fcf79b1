"""A window stays open, whatever draws the page again, until it is closed or what it is about has gone."""

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest


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
    assert "then click “Save” again" in sentence


def test_on_another_page_nothing_is_said_of_it(app):
    app.session_state["writable"] = False
    app.query_params["patient"] = "another"
    app.run()
    assert (shown(app), said(app)) == ([], [])


def test_a_click_on_the_page_below_means_that_it_was_closed(app):
    click(app, "other")
    assert (shown(app), said(app)) == ([], [])
