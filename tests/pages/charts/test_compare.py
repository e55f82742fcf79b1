"""Two recordings stand on one scale, each with its own interval."""

import numpy as np
import pytest

from clinic import words
from fer_core.emotions import Emotion
from fer_core.reading.reading import Series, read
from fer_core.types import Status
from pages.charts.compare import compare_figure


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
