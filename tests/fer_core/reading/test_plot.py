"""A recording as a page."""

import numpy as np

from fer_core.emotions import Emotion
from fer_core.reading.plot import figure, write_plot
from tests.fer_core.reading.test_reading import recording


def test_gaps_stay_gaps_and_the_notice_is_there(tmp_path):
    drawn = figure(recording(), 0)
    happy = drawn.data[Emotion.HAPPY]
    assert happy.name == "happy"
    assert np.isnan(np.asarray(happy.y)[80:]).all()
    assert not np.isnan(np.asarray(happy.y)[:80]).any()
    write_plot(recording(), 0, tmp_path / "p.html", smooth_s=3)
    text = (tmp_path / "p.html").read_text()
    assert "not feelings or a diagnosis" in text
    assert "Smoothed over 3 s" in text
    assert "cdn.plot.ly" not in text.split("<script", 1)[0]


def test_smoothing_takes_the_edge_off():
    plain, smooth = figure(recording(), 0).data[Emotion.HAPPY], figure(recording(), 0, 5).data[Emotion.HAPPY]
    assert plain.y[59] - plain.y[60] > 0.8
    assert smooth.y[59] - smooth.y[60] < 0.3
