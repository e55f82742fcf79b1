"""The list of recordings: columns without a value leave their room to the sentence of the state."""

from pages.views.recordings_table import filled


def test_columns_without_a_value_are_left_out():
    rows = [{"No.": 1, "Time": "", "Usable": None, "Note": "", "Length": "5 min"}]
    assert filled(rows) == ["No.", "Length"]
    assert filled([*rows, dict(rows[0], Time="09:30", Usable=0.0)]) == ["No.", "Time", "Usable", "Length"]
    assert filled(rows, without=("Length",)) == ["No."]
    assert filled([]) == []
