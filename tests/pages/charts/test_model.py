"""The model's figures: rows are true labels, and a card without curves draws none."""

from __future__ import annotations

import math

import pytest

from clinic.model_report import class_figures
from fer_core.emotions import Emotion
from pages.charts.model import (
    classes_figure,
    confusion_figure,
    models_figure,
    robustness_figure,
    training_figure,
    trust_figure,
)
from tests.clinic.test_model_report import measured

NAMES = {emotion: emotion.label for emotion in Emotion}


def test_the_matrix_shows_counts_and_the_share_of_the_true_label():
    counts = [[0] * 7 for _ in range(7)]
    counts[Emotion.NEUTRAL][Emotion.SAD] = 1
    counts[Emotion.NEUTRAL][Emotion.NEUTRAL] = 3
    heat, cells = confusion_figure(counts, NAMES).data
    assert heat.z[Emotion.NEUTRAL][Emotion.SAD] == 0.25
    assert heat.text[Emotion.NEUTRAL][Emotion.SAD] == "1"
    assert confusion_figure(counts, NAMES, "share").data[0].text[Emotion.NEUTRAL][Emotion.SAD] == "25.0%"
    assert heat.y[Emotion.NEUTRAL] == "Neutral"
    assert math.isnan(heat.z[Emotion.HAPPY][0])
    assert list(cells.customdata[7 * Emotion.NEUTRAL + Emotion.SAD])[:3] == [Emotion.NEUTRAL, Emotion.SAD, 1]


def test_curves_are_drawn_for_what_the_card_has():
    curves = [{"epoch": 1, "public_accuracy": 0.4}, {"epoch": 2, "public_accuracy": 0.5}]
    (only,) = training_figure(curves).data
    assert only.y == (0.4, 0.5)
    assert training_figure([]).data == ()


@pytest.mark.parametrize(("epochs", "mode", "ticks"), [(1, "lines+markers", 1), (30, "lines", None)])
def test_the_first_epoch_is_a_point_and_no_tick_lies_between_two(epochs, mode, ticks):
    figure = training_figure([{"epoch": epoch, "public_accuracy": 0.4} for epoch in range(1, epochs + 1)])
    assert (figure.data[0].mode, figure.layout.xaxis2.dtick) == (mode, ticks)
    assert figure.layout.yaxis2.maxallowed == 1, "of one point alone the axis went to 120 %"


def test_trust_has_both_curves_and_where_the_program_stops():
    figure = trust_figure([[0.6, 0.65, 0.6, 40], [0.9, 0.95, 0.9, 60]], [[0.5, 0.1], [1.0, 0.3]], 0.8)
    _, reliability, risk = figure.data
    assert reliability.x == (0.65, 0.95)
    assert reliability.y == (0.6, 0.9)
    assert risk.y == (0.1, 0.3)
    assert [shape.x0 for shape in figure.layout.shapes] == [0.8]


def test_each_expression_s_faces_fill_the_bar():
    figure = classes_figure(class_figures(measured()), NAMES)
    right, other, uncertain, reach = figure.data
    assert all(sum(parts) == 1 for parts in zip(right.x, other.x, uncertain.x, strict=True))
    assert reach.x == right.x
    assert all(low > 0 for low in (*reach.error_x.array, *reach.error_x.arrayminus))


def test_disturbances_and_models_are_in_order():
    figure = robustness_figure({"dark": (0.4, (0.3, 0.6)), "blur": (0.6, (0.5, 0.7))}, 0.7)
    (bars,) = figure.data
    assert figure.layout.shapes[0].x0 == 0.7
    assert (bars.y, bars.x) == (("blur", "dark"), (0.6, 0.4))
    assert bars.error_x.array == pytest.approx((0.1, 0.2))
    assert bars.error_x.arrayminus == pytest.approx((0.1, 0.1))
    agreement, f1 = models_figure([("<b>ours</b>", 70.0, 65.0), ("plain", 60.0, 50.0)]).data
    assert (agreement.y, agreement.x, f1.x) == (("&lt;b&gt;ours&lt;/b&gt;", "plain"), (70.0, 60.0), (65.0, 50.0))
