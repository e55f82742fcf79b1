"""The axis of time as a table: what it draws of each recording, for those who don't see it."""

from datetime import date

from pages.charts.trend import TrendDot
from pages.views.axis import table_rows

SHARES = (0.1, 0.0, 0.05, 0.3, 0.2, 0.05, 0.2, 0.1)


def dot(day, **values):
    shares = {"shares": SHARES, "low": tuple(each * 0.9 for each in SHARES), "high": SHARES, "excluded": None}
    return TrendDot(f"r{day}", date(2026, 11, day), 0.8, model="1", **(shares | values))


def test_each_recording_has_a_row_the_newest_first():
    newest = dot(3, excluded="no usable face", shares=None, low=None, high=None)
    rows = table_rows([dot(1), dot(2, outside=(3,), basis="usable time in which the mouth is still"), newest], [3, 7])
    assert [row["Recording"] for row in rows] == ["3 Nov 2026", "2 Nov 2026", "1 Nov 2026"]
    assert rows[2] == {
        "Recording": "1 Nov 2026",
        "Usable face time": "80 %",
        "Happy-like": "30 % (27 % to 30 %)",
        "Uncertain": "10 % (9 % to 10 %)",
        "Shares of the": "usable time",
        "Counts": "yes",
    }
    assert [row["Shares of the"] for row in rows[:2]] == ["–", "usable time in which the mouth is still"]
    assert rows[1]["Happy-like"].endswith(", outside the usual range")
    assert (rows[0]["Happy-like"], rows[0]["Counts"]) == ("–", "no: no usable face")
