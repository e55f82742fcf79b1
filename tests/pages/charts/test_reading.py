"""Shares with their intervals, and none where there is too little to say."""

from dataclasses import replace

import numpy as np
import pytest

from fer_core.emotions import Emotion
from fer_core.reading.adjusted import Adjusted
from fer_core.reading.reading import Light, Reading
from pages.charts.reading import shares_figure

NAMES = {emotion: f"{emotion.label}-like" for emotion in Emotion}
KNOWN = Reading(
    100, 1.0, 100.0, 0.0, Light.GOOD, {},
    shares=(0.1, 0, 0, 0.5, 0.2, 0, 0.1, 0.1),
    low=(0.05, 0, 0, 0.4, 0.1, 0, 0, 0),
    high=(0.2, 0, 0, 0.7, 0.3, 0, 0.2, 0.2),
)  # fmt: skip


def test_every_label_has_its_bar_and_its_interval():
    (bars,) = shares_figure(KNOWN, NAMES).data
    at = list(bars.y).index("Happy-like")
    assert bars.x[at] == 0.5
    assert (bars.error_x.array[at], bars.error_x.arrayminus[at]) == (pytest.approx(0.2), pytest.approx(0.1))
    assert bars.y[0] == "Uncertain"
    assert len(bars.y) == 8


def test_without_material_no_interval_is_drawn():
    (bars,) = shares_figure(replace(KNOWN, low=(0.0,) * 8, high=(1.0,) * 8), NAMES).data
    assert bars.error_x.array is None
    assert "to" not in bars.hovertemplate


def test_adjusted_shares_stand_beside_the_raw_ones():
    adjusted = Adjusted(np.full(7, 0.1), np.full(7, 0.05), np.full(7, 0.9))
    _, diamonds = (figure := shares_figure(KNOWN, NAMES, adjusted)).data
    assert dict(zip(diamonds.y, diamonds.x, strict=True))["Happy-like"] == 0.1
    assert diamonds.error_x.array == pytest.approx([0.8] * 7)
    assert figure.layout.xaxis.range[1] > 0.9
