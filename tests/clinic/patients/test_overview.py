"""Three sentences from a trend, and nothing that a trend doesn't say."""

from datetime import date

import pytest

from clinic import words
from clinic.patients import overview
from clinic.patients.trends import UNDER_CONDITION, Change, Trend
from fer_core.emotions import Emotion
from tests.clinic.patients.test_discordance import point, trend_of


def said(trend, why=None):
    return overview.summary(trend, words.TREND_NAMES, why)


def test_within_the_usual_range():
    first, second, third = said(trend_of())
    assert (
        first == "Newest recording, 11 May 2026 · Video · no. 1: every expression is within this patient's usual range."
    )
    assert second == "The face could be read in 90 % of it; its shares are known to about ± 5 percentage points."
    assert third == "10 of 10 recordings can be compared."


def test_a_recording_without_a_time_among_others_of_its_day_is_named_as_such():
    found = trend_of()
    newest = replaced(found.points[-1], taken_for_last=True)
    first = said(Trend((*found.points[:-1], newest), (), found.baseline, None))[0]
    assert first.startswith("Newest recording, 11 May 2026 · Video · no. 1 (its time of day is not known, so it is")


def test_twice_in_a_row_is_distinguished_from_once():
    twice = trend_of(happy=0.4, outside=(Emotion.HAPPY,))
    newest = twice.points[-1]
    marked = Trend((*twice.points[:-1], replaced(newest, beyond=(Emotion.HAPPY, Emotion.SAD))), (), None, None)
    first = said(marked)[0]
    assert "happy-like 40 % (usual 10 % to 20 %), in this recording and the one before it" in first
    assert "sad-like 15 % (usual 10 % to 20 %), in this recording only, which may be chance" in first


def replaced(one, **values):
    return type(one)(**{name: getattr(one, name) for name in one.__dataclass_fields__} | values)


@pytest.mark.parametrize(
    ("trend", "parts"),
    [
        (trend_of(excluded="less than 60 s"), ["does not count (less than 60 s)", "hardly reliable", "9 of 10"]),
        (
            trend_of(excluded=UNDER_CONDITION),
            ["in 90 % of it; its labels are not interpreted: a condition of the face.", "9 of 10"],
        ),
        (Trend((point(0),), (), None, "baseline being built (1 of 8)"), ["no usual range yet, baseline being built"]),
        (Trend((), (), None, None), ["No recording has a result yet."]),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(trend, parts):
    text = " ".join(said(trend))
    assert all(part in text for part in parts), text


def test_a_new_line_is_said_with_its_day():
    old = [replaced(point(number), segment=0) for number in range(3)]
    new = [replaced(point(number), segment=1) for number in range(3, 5)]
    trend = Trend((*old, *new), (Change(date(2026, 2, 16), "model"),), None, "baseline being built (2 of 8)")
    assert said(trend)[2] == "2 of 2 recordings can be compared since 16 Feb 2026, when a new line began."


def test_where_labels_are_not_interpreted_no_expression_is_named():
    why = words.NOT_INTERPRETED.format(why="Facial palsy")
    sentences = said(trend_of(happy=0.4, outside=(Emotion.HAPPY,)), why)
    assert sentences[0] == why
    assert sentences[1] == "The face could be read in 90 % of the newest recording, 11 May 2026 · Video · no. 1."
    assert said(trend_of(excluded="a condition of the face"), why)[1] == sentences[1]
    assert not any(name in " ".join(sentences) for name in ("happy", "sad", "shares"))
