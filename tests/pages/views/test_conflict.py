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
