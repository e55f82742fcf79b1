"""Two recordings stand on one scale, each with its own interval."""

import numpy as np
import pytest

from clinic import words
from fer_core.emotions import Emotion
from fer_core.reading.reading import Series, read
from fer_core.types import Status
from pages.charts.compare import compare_curves, compare_figure
from pages.charts.timeline import Cell


def reading(seconds, label):
    labels = np.where(np.arange(seconds) % 3 == 0, int(Emotion.NEUTRAL), int(label))
    outputs = np.where(np.arange(7) == labels[:, None], 0.94, 0.01)
    return read(Series(np.arange(seconds, dtype=np.float64), (Status.OK,) * seconds, outputs, 1.0, 0.5))


def test_both_are_drawn_with_their_intervals_and_the_axis_holds_them():
    first, second = reading(300, Emotion.SAD), reading(300, Emotion.HAPPY)
    figure = compare_figure({"first": first, "second": second}, words.TREND_NAMES)
    for trace, one in zip(figure.data, (first, second), strict=True):
        assert trace.x == one.shares
        assert trace.x[3] + trace.error_x.array[3] == pytest.approx(one.high[3])
        assert figure.layout.xaxis.range[1] >= max(one.high)
    assert [trace.name for trace in figure.data] == ["first", "second"]


def test_without_an_interval_there_is_a_point_alone():
    figure = compare_figure({"short": reading(10, Emotion.SAD)}, words.TREND_NAMES)
    assert figure.data[0].error_x.array is None


def test_curves_of_both_begin_together_and_have_the_same_scales():
    happy = tuple(1.0 if emotion is Emotion.HAPPY else 0.0 for emotion in Emotion)
    short = [Cell(0.0, 60.0, Emotion.HAPPY, happy), Cell(60.0, 120.0, Status.NO_FACE, None)]
    long = [Cell(place * 60.0, place * 60.0 + 60.0, Emotion.HAPPY, happy) for place in range(10)]
    figure = compare_curves({"short": short, "long": long}, words.EXPRESSIONS, [Emotion.HAPPY])
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range == (0, 10.0)
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    drawn = [trace for trace in figure.data if trace.visible is True]
    assert [trace.y for trace in drawn] == [(1.0, None), (1.0,) * 10]
    assert [note.text for note in figure.layout.annotations] == ["short", "long"]
