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


ADDRESSES = (
    *("http://a.example", "HTTPS://a.example", "www.a.example", "see WWW.a.example", "a@b.example", "mailto:a@b.c"),
    "('www.a.example')",
)


@pytest.mark.parametrize("plain", [links.plain_text, links.plain_sentence])
@pytest.mark.parametrize("text", ADDRESSES)
def test_no_address_becomes_a_link(text, plain):
    shown = re.sub(r"\\(.)", r"\1", plain(text))
    assert any(one.search(text) for one in MADE_A_LINK)
    assert not any(one.search(shown) for one in MADE_A_LINK)
    assert shown.replace("\u2060", "") == text


def test_a_sentence_stays_as_it_is_but_for_what_was_typed_into_it():
    sentence = "Line 2: the total of GAD-7 (0 to 21) is 3.5 + 1, not #4! It was 10 % = less."
    assert links.plain_sentence(sentence) == sentence
    typed = "[a](b) **c** _d_ `e` <f> ~g~ |h| $i$ :red[j] :material/delete: &amp; \\"
    shown = links.plain_sentence(typed)
    assert re.sub(r"\\(.)", r"\1", shown).replace("\u2060", "") == typed
    assert not re.search(r"(?<!\\)[\[\]*_`<>~|$&]|(?<!\\):(?=\S)", shown)
