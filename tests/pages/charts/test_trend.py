"""Figures from numbers: gaps stay gaps, hollow points stay out of the line, and nothing is fetched from an address."""

from __future__ import annotations

import math
from datetime import date
from xml.etree import ElementTree

import pytest

from fer_core.emotions import Emotion
from fer_core.types import Box
from pages.charts.palette import COLORS, DASHES, SYMBOLS
from pages.charts.trend import Band, TrendDot, bars, preview_figure, spark_svg, trend_figure

NAMES = {emotion: f"{emotion.label}-like" for emotion in Emotion}
SHARES = (0.05, 0.05, 0.1, 0.3, 0.2, 0.1, 0.2)


def dot(day: int, model: str = "a", hollow: str | None = None, shares: tuple[float, ...] | None = SHARES) -> TrendDot:
    low = tuple(share - 0.04 for share in shares) if shares else None
    high = tuple(share + 0.06 for share in shares) if shares else None
    return TrendDot(date(2026, 3, day), 0.9 if shares else 0.0, shares, low, high, hollow, model)


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def test_a_recording_that_does_not_count_is_hollow_and_outside_the_line():
    figure = trend_figure([dot(1), dot(2, hollow="42 s of usable face"), dot(3)], [Emotion.SAD], NAMES)
    (line,) = traces(figure, "sad-like")
    (hollow,) = traces(figure, "sad-like, does not count")
    assert line.y == (0.2, None, 0.2)
    assert line.connectgaps is False
    assert hollow.y == (0.2,)
    assert hollow.marker.symbol == "square-open"
    assert "42 s of usable face" in hollow.customdata[0]


def test_a_recording_without_a_usable_face_is_a_gap_not_a_zero():
    figure = trend_figure([dot(1), dot(2, hollow="no face", shares=None), dot(3)], [Emotion.HAPPY], NAMES)
    (line,) = traces(figure, "happy-like")
    assert line.y == (0.3, None, 0.3)
    assert traces(figure, "happy-like, does not count")[0].y == ()


def test_results_of_two_models_are_not_joined_and_the_change_is_a_line():
    figure = trend_figure([dot(1), dot(5, model="b")], [Emotion.SAD], NAMES, changes=[(date(2026, 3, 5), "new model")])
    assert traces(figure, "sad-like")[0].y == (0.2, None, 0.2)
    assert any(annotation.text == "new model" for annotation in figure.layout.annotations)
    assert sum(shape.x0 == shape.x1 and shape.line.dash == "dot" for shape in figure.layout.shapes) == 2


def test_the_interval_reaches_as_far_as_it_was_measured():
    figure = trend_figure([dot(1)], [Emotion.SAD], NAMES)
    error = traces(figure, "sad-like")[0].error_y
    assert error.array == pytest.approx((0.06,))
    assert error.arrayminus == pytest.approx((0.04,))


def test_dates_stay_on_their_day_and_the_usable_share_comes_first():
    figure = trend_figure([dot(1), dot(2)], [Emotion.SAD, Emotion.HAPPY], NAMES)
    assert figure.layout.annotations[0].text == "Usable face time"
    assert figure.data[0].y == (0.9, 0.9)
    assert figure.data[0].x[1] - figure.data[0].x[0] == 86_400_000


def test_the_usual_range_is_drawn_where_there_is_one():
    bands = {Emotion.SAD: Band(0.2, -0.1, 0.35)}
    figure = trend_figure([dot(1)], [Emotion.SAD], NAMES, bands)
    (area,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (area.y0, area.y1) == (0, 0.35)


def test_a_recording_outside_the_usual_range_has_a_ring_in_its_own_panel_only():
    marked = TrendDot(date(2026, 3, 9), 0.9, SHARES, None, None, None, "a", (Emotion.SAD,))
    figure = trend_figure([dot(1), marked], [Emotion.HAPPY, Emotion.SAD], NAMES)
    (ring,) = traces(figure, "outside the usual range")
    assert (ring.y, ring.yaxis) == ((0.2,), "y3")
    assert "usual range" in traces(figure, "sad-like")[0].customdata[1]


def test_a_trend_without_recordings_is_an_empty_figure():
    assert trend_figure([], [Emotion.SAD], NAMES).data[0].y == ()


def test_bars_show_seven_probabilities_and_none_of_them_without_a_face():
    assert sorted(bars(SHARES, NAMES).data[0].x) == sorted(SHARES)
    assert set(bars(None, NAMES).data[0].x) == {0.0}


def test_a_preview_carries_its_picture_and_marks_each_face():
    faces = [(Box(10, 20, 60, 90), Emotion.HAPPY), (Box(80, 2, 120, 40), None)]
    figure = preview_figure(b"\xff\xd8jpeg", (160, 120), faces, NAMES)
    assert figure.layout.images[0].source.startswith("data:image/jpeg;base64,")
    assert [shape.line.dash for shape in figure.layout.shapes] == ["solid", "dot"]
    assert [note.text for note in figure.layout.annotations] == ["Happy-like", "No label"]
    assert tuple(figure.layout.yaxis.range) == (120, 0)


def test_a_sparkline_breaks_where_a_value_is_missing():
    svg = spark_svg([0.1, 0.2, None, 0.4], "#123456")
    path = ElementTree.fromstring(svg).find("{http://www.w3.org/2000/svg}path")
    assert path is not None
    assert [step[0] for step in path.attrib["d"].replace("M", "|M").replace("L", "|L").split("|")[1:]] == [
        "M",
        "L",
        "M",
    ]
    assert spark_svg([None], "#123456") == ""


def test_no_two_expressions_look_alike():
    assert len(set(COLORS.values())) == len(Emotion)
    assert len(set(SYMBOLS.values())) == len(Emotion)
    assert len({(COLORS[emotion], DASHES[emotion]) for emotion in Emotion}) == len(Emotion)
    assert all(_distance(COLORS[a], COLORS[b]) > 60 for a in Emotion for b in Emotion if a < b)


def _distance(first: str, second: str) -> float:
    channels = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return math.dist(*zip(*channels, strict=True))
