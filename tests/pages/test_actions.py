"""A repeated click does nothing a second time, and gets what the first one brought."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from pages.actions import Once


def test_of_two_clicks_at_once_the_second_gets_what_the_first_one_brought():
    once, begun, go_on, results = Once(), threading.Event(), threading.Event(), []

    def do():
        begun.set()
        go_on.wait()
        return object()

    clicks = [threading.Thread(target=lambda: results.append(once.carry_out("add", do))) for _ in range(2)]
    clicks[0].start()
    begun.wait()
    begun.clear()
    clicks[1].start()
    go_on.set()
    for click in clicks:
        click.join()
    assert not begun.is_set()
    assert results[0] is results[1]


def test_what_was_refused_may_be_repeated():
    once = Once()

    def refuse():
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        once.carry_out("add", refuse)
    assert once.carry_out("add", lambda: 1) == 1


def dialog():
    import streamlit as st

    from pages import actions

    added = st.session_state.setdefault("added", [])
    if st.button("Open") or "opening:add" not in st.session_state:
        actions.open_dialog("add")
    if actions.action("Add", "add", actions.opening("add")):
        st.session_state["result"] = actions.once("add", actions.opening("add"), lambda: added.append(1) or len(added))


def window():
    from clinic.conflicts import ConflictError
    from pages import actions
    from pages.widgets import show_errors

    @actions.dialog("Report")
    def report():
        with show_errors():
            raise ConflictError("this patient", 2)

    report()
    with show_errors():
        raise ConflictError("this patient", 2)


def test_a_window_that_shows_what_is_no_longer_stored_says_how_to_see_what_is():
    """On a page nothing of the kind is said: it is drawn again by the next click."""
    page = AppTest.from_function(window).run()
    assert len(page.error) == 2
    assert [one.value for one in page.markdown] == [
        "Close this window and open it again: it then shows what is stored now."
    ]


def part_of_a_window():
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from pages import actions

    @actions.part()
    def inside():
        st.caption(f"inside: {actions.in_window()}")

    @actions.part()
    def beside():
        st.caption(f"beside: {actions.in_window()}")

    @actions.dialog("Report")
    def report():
        inside()

    if "again" not in st.session_state:
        report()
        beside()
        storage = get_script_run_ctx().fragment_storage
        st.session_state["again"] = [storage.lookup(one) for one in storage.ids_registered_after(0)]
    else:
        for part in st.session_state["again"]:
            part()


def test_a_part_of_a_window_knows_so_when_it_runs_alone():
    """Else a report's window did not say there that it is out of date, and how to see what is stored now."""
    page = AppTest.from_function(part_of_a_window).run()
    for _ in range(2):
        assert not page.exception
        assert {one.value for one in page.caption} == {"inside: True", "beside: False"}
        page.run()


def test_each_opening_of_a_dialog_adds_once():
    page = AppTest.from_function(dialog, default_timeout=60).run()
    for opening in (1, 2):
        for _ in range(2):
            page.button[1].click().run()
            assert page.session_state["result"] == opening
        page.button[0].click().run()
    assert not page.exception
