"""An edit that somebody else has overtaken is shown beside what is stored, line by line."""

from streamlit.testing.v1 import AppTest


def page_of_error(stored, wanted):
    from clinic.conflicts import ConflictError, Difference
    from pages.widgets import show_error

    show_error(ConflictError("this patient", 2, [Difference("Note", stored, wanted)]))


def test_texts_that_differ_in_their_lines_alone_do_not_read_the_same():
    page = AppTest.from_function(page_of_error, args=("*one*\n\n  two", "*one* two")).run()
    assert [one.value for one in page.markdown] == [
        "Note: stored now",
        "\\*one\\*  \n\u00a0  \n\u00a0\u00a0two",
        "Yours",
        "\\*one\\* two",
    ]


def page_of_edits():
    import streamlit as st

    from clinic.conflicts import Difference, need_unchanged
    from pages.views.conflict import saved

    def store(seen):
        revision, text = st.session_state["stored"]
        need_unchanged("this patient", seen, revision, [Difference("Note", text, "mine")])
        st.session_state["stored"] = (revision + 1, "mine")

    saved("patient", 1, st.button("Save"), store)


def test_what_a_colleague_stores_after_a_conflict_is_compared_in_its_place():
    page = AppTest.from_function(page_of_edits)
    page.session_state["stored"] = (2, "theirs")
    page.run().button[0].click().run()
    assert [one.value for one in page.markdown] == ["Note: stored now **theirs**, yours **mine**"]
    page.checkbox[0].check().run()
    page.session_state["stored"] = (3, "their third")
    page.button[0].click().run()
    assert [one.value for one in page.markdown] == ["Note: stored now **their third**, yours **mine**"]
    assert [one.value for one in page.checkbox] == [False]
    assert len(page.error) == 1
    page.button[0].click().run()
    assert page.session_state["stored"] == (3, "their third")
    page.checkbox[0].check().run()
    page.button[0].click().run()
    assert page.session_state["stored"] == (4, "mine")
    assert not page.error
    assert not page.exception
