"""The rows of a table are as high as its longest sentence needs, so that none is cut on a laptop."""

from pages.widgets import LINE_PX, row_height


def test_a_sentence_has_as_many_lines_as_it_needs():
    short, long = {"State": "The analysis is complete.", "Note": ""}, {"State": "It does not count. " * 6, "Note": None}
    assert row_height([short], {"State": 235}) is None
    assert row_height([], {"State": 235}) is None
    narrow, wide = row_height([short, long], {"State": 235, "Note": 140}), row_height([short, long], {"State": 470})
    assert narrow - wide >= LINE_PX
    assert row_height([long], {"Kind": 10}) is None, "a column that isn't there"
