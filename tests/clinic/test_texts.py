"""What is typed is kept as it can be seen."""

import pytest

from clinic import texts
from clinic.recordings import uploads
from db.folding import fold


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Mu\u0308ller", "Müller"),
        ("\u2068Anna\u2069 \u2068Müller\u2069", "Anna Müller"),
        ("\u202bשרה\u202c", "שרה"),
        ("\u200fשרה\u200f", "שרה"),
        ("\ufeffA\u200bB", "AB"),
        ("  a   b\u00a0c ", "a b c"),
        ("Nguyễn", "Nguyễn"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d⚕️", "👩\u200d⚕️"),
        ("\u200d\u200b", ""),
        ("\u3164", ""),
        ("\u2800\u00ad", ""),
        ("\u0301", ""),
        ("", ""),
    ],
)
def test_a_name_is_kept_as_it_is_seen(given, kept):
    assert texts.one_line(given) == kept
    assert texts.one_line(kept) == kept


@pytest.mark.parametrize("given", ["a\u202eb", "a\nb", "a\tb", "a\0b", "\ud800", "a\x85b"])
def test_a_name_that_hides_something_is_refused(given):
    with pytest.raises(ValueError, match="hidden"):
        texts.one_line(given)


def test_a_note_keeps_its_lines():
    assert texts.lines("a\r\nb\rc\n\n\td  ") == "a\nb\nc\n\n\td"


@pytest.mark.parametrize(
    ("given", "shown"),
    [("Mu\u0308ller.mp4", "Müller.mp4"), ("\u3164", "unnamed file"), ("\u2068visit\u2069.mp4", "visit.mp4")],
)
def test_a_file_s_name_is_composed_and_seen(given, shown):
    assert uploads.clean_name(given) == shown


@pytest.mark.parametrize(
    ("text", "folded"),
    [("MÜLLER", "muller"), ("Mu\u0308ller", "muller"), ("Straße", "strasse"), ("Søren Łukasz", "soren lukasz"),
     ("Ａnna", "anna"), ("İstanbul", "istanbul"), ("  a \n b ", "a b"), ("ΆΓΓΕΛΟΣ", fold("άγγελος"))],
)  # fmt: skip
def test_folding_takes_case_and_accents_away(text, folded):
    assert fold(text) == folded
