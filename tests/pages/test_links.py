"""What people typed is drawn as they typed it."""

from pages import links


def test_a_note_keeps_its_lines_and_indents():
    assert links.plain_lines("first\n  second\n\nlast") == "first  \n\u00a0\u00a0second  \n\u00a0  \nlast"


def test_no_line_of_a_note_is_markdown():
    assert links.plain_lines("# a\n- b") == "\\# a  \n\\- b"
