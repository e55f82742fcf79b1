"""What people typed is drawn as they typed it."""

import re

import pytest

from pages import links

MADE_A_LINK = (
    re.compile(r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)", re.IGNORECASE | re.ASCII),
    re.compile(r"([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)", re.ASCII),
)
"""What the browser's part of Streamlit makes a link of once Markdown was read, whatever was escaped before."""


def test_a_note_keeps_its_lines_and_indents():
    assert links.plain_lines("first\n  second\n\nlast") == "first  \n\u00a0\u00a0second  \n\u00a0  \nlast"


def test_no_line_of_a_note_is_markdown():
    assert links.plain_lines("# a\n- b") == "\\# a  \n\\- b"


@pytest.mark.parametrize(
    "text",
    ["http://a.example", "HTTPS://a.example", "www.a.example", "see WWW.a.example", "a@b.example", "mailto:a@b.c"],
)
def test_no_address_becomes_a_link(text):
    shown = re.sub(r"\\(.)", r"\1", links.plain_text(text))
    assert any(one.search(text) for one in MADE_A_LINK)
    assert not any(one.search(shown) for one in MADE_A_LINK)
    assert shown.replace("\u2060", "") == text
