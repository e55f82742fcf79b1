"""A trend from numbers: gaps stay gaps, and hollow points stay out of the line."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise

import pytest

from clinic.patients.summaries import LABELS, Summary
from clinic.patients.trends import trend
from db.models import Recording
from fer_core.emotions import Emotion
from pages.charts.axis import axis_figure
from pages.charts.palette import COLORS, DASHES, SYMBOLS
from pages.charts.trend import TrendDot, _note
from pages.views.convert import trend_dots

NAMES = {emotion: f"{emotion.label}-like" for emotion in Emotion}
SHARES = (0.05, 0.05, 0.1, 0.3, 0.2, 0.1, 0.2)


def dot(day: int, model: str = "a", excluded: str | None = None, shares: tuple[float, ...] | None = SHARES) -> TrendDot:
    low = tuple(share - 0.04 for share in shares) if shares else None
    high = tuple(share + 0.06 for share in shares) if shares else None
    return TrendDot("0" * 32, date(2026, 3, day), 0.9 if shares else 0.0, shares, low, high, excluded, model)


def trend_figure(dots, shown, names, changes=()):
    return axis_figure([], dots, shown, names, changes)


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def test_a_recording_that_does_not_count_is_hollow_and_outside_the_line():
    figure = trend_figure([dot(1), dot(2, excluded="42 s of usable face"), dot(3)], [Emotion.SAD], NAMES)
    (line,) = traces(figure, "sad-like")
    (excluded,) = traces(figure, "sad-like, does not count")
    assert line.y == (0.2, None, 0.2)
    assert line.connectgaps is False
    assert excluded.y == (0.2,)
    assert excluded.marker.symbol == "square-open"
    assert "42 s of usable face" in excluded.customdata[0][1]


def test_a_recording_without_a_usable_face_is_a_gap_not_a_zero():
    figure = trend_figure([dot(1), dot(2, excluded="no face", shares=None), dot(3)], [Emotion.HAPPY], NAMES)
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


def judged(day, model="a", reach=0.1, center=SHARES):
    low = tuple(share - reach for share in center)
    return replace(dot(day, model), usual_low=low, usual_high=tuple(share + reach for share in center))


def drawn_at(figure, emotion, day):
    """Return the limits of the band that is drawn at a day, None for none."""
    bands = [trace for trace in figure.data if trace.name == "usual range"]
    moment = (day - date(1970, 1, 1)).days * 86_400_000
    corners = [corner for trace in bands for corner in zip(trace.x, trace.y, strict=True)]
    shapes = [list(shape) for drawn, shape in groupby(corners, lambda corner: corner[0] is not None) if drawn]
    sides = [
        {y for (x, y), (other, _) in pairwise(shape) if min(x, other) < moment < max(x, other)} for shape in shapes
    ]
    found = [(min(side), max(side)) for side in sides if side]
    assert len(found) <= 1, "one band at a time"
    return found[0] if found else None


def test_the_drawn_range_is_the_one_that_judged_each_recording():
    dots = [dot(1), judged(8, reach=0.05), judged(15, reach=0.1), dot(20, excluded="short"), judged(22, reach=0.02)]
    figure = trend_figure(dots, [Emotion.SAD], NAMES)
    for one in dots:
        wanted = (one.usual_low[Emotion.SAD], one.usual_high[Emotion.SAD]) if one.usual_low else None
        if one.excluded is None:
            assert drawn_at(figure, Emotion.SAD, one.recorded_on) == wanted


def test_ranges_that_touch_are_one_shape_and_keep_their_own_limits():
    dots = [judged(1 + day, reach=0.01 * (1 + day % 7)) for day in range(28)]
    figure = trend_figure(dots, [Emotion.SAD], NAMES)
    (band,) = traces(figure, "usual range")
    assert list(band.x).count(None) == 1
    assert len(band.x) == 4 * 28 + 2


def test_a_new_line_leaves_the_band_of_the_older_one():
    dots = [judged(1), judged(4), dot(6, excluded="short"), dot(9, "b"), dot(12, "b"), judged(20, "b", reach=0.01)]
    figure = trend_figure(dots, [Emotion.SAD], NAMES)
    assert drawn_at(figure, Emotion.SAD, date(2026, 3, 4)) == pytest.approx((0.1, 0.3))
    assert drawn_at(figure, Emotion.SAD, date(2026, 3, 12)) is None
    assert drawn_at(figure, Emotion.SAD, date(2026, 3, 20)) == pytest.approx((0.19, 0.21))


def trend_of(first, later, sizes=40.0, model="m", excluded=()):
    """Return the trend of a baseline of these shares of sad-like and later ones, a week apart."""
    rows = []
    for number, sad in enumerate([*first, *later]):
        shares = dict.fromkeys(LABELS, 0.0) | {"sad": sad, "neutral": 1.0 - sad}
        low_usable = number in excluded
        summary = Summary(
            "video", 1000, 1000, 0.2 if low_usable else 1.0, 600.0, 0.0, {}, shares, shares, shares,
            dict.fromkeys(LABELS, sizes),
        )  # fmt: skip
        day = date(2026, 1, 1) + timedelta(days=7 * number)
        rows.append(
            Recording(
                id=str(number), number=number, kind="video", recorded_on=day, model_sha256=model, partial=False,
                settings={"every_s": 0.2}, summary=asdict(summary), created_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    return rows


BASELINE = [0.2, 0.24, 0.16, 0.22, 0.18, 0.2, 0.23, 0.17]


@pytest.mark.parametrize("later", [[0.9, 0.9, 0.2], [0.0, 0.0], [0.3, 0.35, 0.4, 0.5], [0.2] * 6], ids=str)
@pytest.mark.parametrize("new_model", [False, True], ids=["same-model", "new-model-after"])
@pytest.mark.parametrize("excluded", [(), (9,)], ids=["all-count", "one-does-not"])
def test_every_ring_stands_outside_the_band_that_is_drawn(later, new_model, excluded):
    rows = trend_of(BASELINE, later, excluded=excluded)
    if new_model:
        newer = trend_of([0.5] * 3, [], model="n")
        for number, row in enumerate(newer):
            row.id, row.number = f"n{number}", 100 + number
            row.recorded_on = rows[-1].recorded_on + timedelta(days=7 * (number + 1))
        rows += newer
    found = trend(rows)
    dots = trend_dots(found.points)
    figure = trend_figure(dots, [Emotion.SAD], NAMES)
    assert any(point.usual_low for point in found.points)
    for point in found.points:
        band = drawn_at(figure, Emotion.SAD, point.recorded_on)
        if point.usual_low is not None:
            assert band == (point.usual_low[Emotion.SAD], point.usual_high[Emotion.SAD])
            assert (Emotion.SAD in point.beyond) == (not band[0] <= point.shares[Emotion.SAD] <= band[1])
        if Emotion.SAD in point.outside:
            assert Emotion.SAD in point.beyond


def test_a_recording_outside_the_usual_range_has_a_ring_in_its_own_panel_only():
    marked = TrendDot("0" * 32, date(2026, 3, 9), 0.9, SHARES, None, None, None, "a", (Emotion.SAD,))
    figure = trend_figure([dot(1), marked], [Emotion.HAPPY, Emotion.SAD], NAMES)
    (ring,) = traces(figure, "outside the usual range")
    assert (ring.y, ring.yaxis) == ((0.2,), "y3")
    assert "usual range" in traces(figure, "sad-like")[0].customdata[1][1]


def test_uncertain_has_a_panel_like_a_label():
    shares = (*SHARES, 0.4)
    marked = TrendDot("0" * 32, date(2026, 3, 9), 0.9, shares, None, None, None, "a", (7,), (0.1,) * 8, (0.2,) * 8)
    figure = trend_figure([marked], [Emotion.SAD, 7], NAMES | {7: "uncertain"})
    assert traces(figure, "uncertain")[0].y == (0.4,)
    assert traces(figure, "outside the usual range")[0].yaxis == "y3"
    assert "Usual range 10% to 20%" in traces(figure, "uncertain")[0].customdata[0][1]


def test_a_trend_without_recordings_is_an_empty_figure():
    assert trend_figure([], [Emotion.SAD], NAMES).data == ()


def test_no_two_expressions_look_alike():
    assert len(set(COLORS.values())) == len(Emotion)
    assert len(set(SYMBOLS.values())) == len(Emotion)
    assert len({(COLORS[emotion], DASHES[emotion]) for emotion in Emotion}) == len(Emotion)
    assert all(_distance(COLORS[a], COLORS[b]) > 60 for a in Emotion for b in Emotion if a < b)


def _distance(first: str, second: str) -> float:
    channels = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return math.dist(*zip(*channels, strict=True))


def test_two_recordings_of_one_day_are_distinguished_under_the_pointer():
    first, second = (replace(dot(9), name=f"9 Mar 2026, 1{n}:00 · Video · no. {n}") for n in (1, 2))
    notes = {_note(one, Emotion.HAPPY) for one in (first, second)}
    assert len(notes) == 2
    assert all("no. " in note for note in notes)
    assert dot(9).called == "9 Mar 2026"
