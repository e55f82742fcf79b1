"""What the browser is told of each patient: text, ids, and small trends that never join two lines."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from clinic.consent.consent import Ending, Scope
from clinic.patients.digests import SmallTrend
from clinic.patients.listing import CaseloadLine
from clinic.patients.needs import Need
from clinic.words import NEEDS
from fer_core.emotions import EMOTION_LABELS
from pages.views import caseload_table
from tests.forbidden_claims import claims_in


def trend(shares, lines, low=0.1, high=0.3):
    every = {label: list(shares) for label in EMOTION_LABELS}
    ends = [None if end is None else dict.fromkeys(EMOTION_LABELS, end) for end in (low, high)]
    return SmallTrend(list(range(20_000, 20_000 + len(shares))), list(lines), every, *ends, usable=0.5)


def line(**values):
    start = CaseloadLine(
        "a" * 32, "<b>Ann</b> :material/home:", "K-1", None, False, 3, date(2026, 1, 5), False, False, None, (), None
    )
    return CaseloadLine(**{name: values.get(name, getattr(start, name)) for name in CaseloadLine.__slots__})


def test_names_travel_as_they_are_and_needs_as_words():
    row = caseload_table._row(line(needs=(Need.CHOOSE_FACE, Need.OUTSIDE), demo=True))
    assert row["name"] == "<b>Ann</b> :material/home:"
    assert row["identity"] == "K-1 · ID aaaaaa"
    assert row["needs"] == ["Choose a face", "Outside the usual range"]
    assert (row["last"], row["recordings"], row["usable"], row["badges"]) == (
        "5 Jan 2026",
        "3 recordings",
        "–",
        ["Invented"],
    )


def test_each_need_has_words_and_none_speaks_of_risk():
    assert set(NEEDS) >= set(Need)
    assert not claims_in(" ".join(NEEDS.values()))


@pytest.mark.parametrize(("recordings", "badge"), [(0, "No consent"), (2, "Closed: no consent")])
def test_of_a_closed_patient_nothing_is_drawn(recordings, badge):
    row = caseload_table._row(line(closed=True, recordings=recordings))
    assert (row["badges"], row["trends"], row["usable"]) == ([badge], [], "–")


END, START = date(2026, 1, 5), date(2026, 1, 9)


@pytest.mark.parametrize(
    ("closed", "endings", "badges", "needs"),
    [
        (False, [Ending(Scope.ANALYSE, END, False)], [], ["Consent ends on 5 Jan 2026"]),
        (
            True,
            [Ending(Scope.ANALYSE, END, True), Ending(Scope.KEEP_RESULTS, START, True)],
            ["Closed: consent ended on 9 Jan 2026"],
            ["Consent ended on 5 Jan 2026"],
        ),
        (True, [], ["Closed: no consent"], []),
        (False, [Ending(Scope.EXPORT, END, True)], [], ["Consent to export the results ended on 5 Jan 2026"]),
        (
            False,
            [Ending(Scope.ANALYSE, END, True), Ending(Scope.KEEP_RESULTS, START, False)],
            [],
            ["Consent ended on 5 Jan 2026", "Consent ends on 9 Jan 2026"],
        ),
    ],
)
def test_a_consent_that_ends_one_that_ended_and_none_are_distinguished(closed, endings, badges, needs):
    needed = (Need.CONSENT_ENDS,) if endings else ()
    row = caseload_table._row(line(closed=closed, endings=tuple(endings), needs=needed))
    assert (row["badges"], row["needs"]) == (badges, needs)


def test_emergency_access_says_until_when(monkeypatch):
    monkeypatch.setattr(caseload_table, "clock", lambda at: f"{at:%H:%M}")
    row = caseload_table._row(line(emergency_until=datetime(2026, 1, 5, 9, 30, tzinfo=UTC)))
    assert row["badges"] == ["Emergency access until 09:30"]


def test_where_a_condition_of_the_face_holds_no_label_is_drawn():
    row = caseload_table._row(line(trend=trend([0.1], [0]), movement_only=True))
    assert (row["badges"], row["trends"], row["usable"]) == (["Labels not interpreted"], [], "50 %")


def test_gaps_are_left_out_and_lines_are_kept_apart():
    [small, _] = caseload_table._row(line(trend=trend([0.1, None, 0.2, 0.25], [0, 0, 1, 1])))["trends"]
    assert [(point["day"], point["line"]) for point in small["points"]] == [(20_000, 0), (20_002, 1), (20_003, 1)]
    assert (small["last"], small["usual"]) == ("25 %", [0.1, 0.3])
    of = "7 Oct 2024"
    assert small["said"] == f"latest 25 % ({of}), from 10 % to 25 % in 3 recordings, usual range 10 % to 30 %"


def test_each_figure_says_of_which_recording_it_is():
    """The last recording may not count, or not be done yet: the figures beside its day are of earlier ones."""
    found = replace(trend([0.1, 0.2, None], [0, 0, 0]), numbers=[4, 5, 7])
    row = caseload_table._row(line(trend=found, last_recorded_on=date(2026, 1, 5)))
    assert (row["last"], row["usable"], row["usable_of"]) == ("5 Jan 2026", "50 %", "6 Oct 2024, no. 7")
    [small, _] = row["trends"]
    assert (small["last"], small["of"]) == ("20 %", "5 Oct 2024, no. 5")
    assert small["said"].startswith("latest 20 % (5 Oct 2024, no. 5), from ")
    assert caseload_table._row(line())["usable_of"] == ""


def test_the_newest_share_has_its_interval_as_the_patient_s_page_has_it():
    found = replace(trend([0.1, 0.2], [0, 0]), intervals=dict.fromkeys(EMOTION_LABELS, (0.15, 0.26)))
    [small, _] = caseload_table._row(line(trend=found))["trends"]
    assert (small["last"], small["interval"]) == ("20 %", "15 % to 26 %")
    assert small["said"].startswith("latest 20 %, 95 % interval (15 % to 26 %) (")
    [before, _] = caseload_table._row(line(trend=trend([0.1, 0.2], [0, 0])))["trends"]
    assert (before["interval"], "interval" in before["said"]) == ("", False)


def test_the_range_of_a_line_without_a_counting_recording_is_not_drawn_behind_an_older_one():
    [small, _] = caseload_table._row(line(trend=trend([0.1, 0.2, None], [0, 0, 1])))["trends"]
    assert small["usual"] is None


def test_a_trend_in_which_nothing_counts_is_none():
    assert caseload_table._row(line(trend=trend([None, None], [0, 0])))["trends"] == [None, None]
