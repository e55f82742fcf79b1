"""Metrics on cases worked out by hand."""

import numpy as np
import pytest

from fer_core.emotions import Emotion
from train.calibrate import SELECTIVE_GAIN, choose_offsets, choose_threshold, fit_temperature, rescale, shift
from train.metrics import measure, reliability, risk_coverage, selective, wilson_interval


def certain(*classes):
    return np.eye(7, dtype=np.float32)[list(classes)]


def test_measure_counts_rows_as_true_labels():
    labels = np.array([Emotion.NEUTRAL, Emotion.NEUTRAL, Emotion.HAPPY, Emotion.SAD], np.uint8)
    found = measure(certain(Emotion.NEUTRAL, Emotion.SAD, Emotion.HAPPY, Emotion.SAD), labels)
    assert found["accuracy"] == 0.75
    assert found["neutral_to_sad"] == 0.5
    assert found["confusion"][Emotion.NEUTRAL][Emotion.SAD] == 1
    assert found["per_class"]["sad"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "pictures": 1}
    assert found["macro_recall"] == pytest.approx((0.5 + 1 + 1) / 7)


def test_wilson_interval_of_a_published_example():
    low, high = wilson_interval(15, 50)
    assert (low, high) == (pytest.approx(0.191, abs=1e-3), pytest.approx(0.438, abs=1e-3))


def test_reliability_of_overconfidence():
    probabilities = np.tile(np.array([[0.8, 0.2, 0, 0, 0, 0, 0]], np.float32), (10, 1))
    labels = np.array([0] * 5 + [1] * 5, np.uint8)
    assert reliability(probabilities, labels)["ece"] == pytest.approx(0.3, abs=1e-6)


def test_risk_falls_when_the_wrong_ones_are_the_uncertain_ones():
    probabilities = np.array([[0.9, 0.1, 0, 0, 0, 0, 0], [0.6, 0.4, 0, 0, 0, 0, 0]], np.float32)
    labels = np.array([0, 1], np.uint8)
    assert risk_coverage(probabilities, labels) == {"aurc": 0.25, "curve": [[0.5, 0.0], [1.0, 0.5]]}
    assert selective(probabilities, labels, 0.7) == {"threshold": 0.7, "coverage": 0.5, "accuracy": 1.0}


def test_temperature_finds_what_was_done_to_the_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(7, p=row) for row in true], np.uint8)
    sharpened = rescale(true.astype(np.float32), 0.5)
    assert fit_temperature(sharpened, labels) == pytest.approx(2.0, rel=0.08)
    assert reliability(rescale(sharpened, 2.0), labels)["ece"] < 0.03


def test_threshold_gains_what_it_shall():
    rng = np.random.default_rng(1)
    top = rng.uniform(0.4, 0.99, 3000)
    probabilities = np.zeros((3000, 7), np.float32)
    probabilities[:, 0], probabilities[:, 1] = top, 1 - top
    labels = (rng.uniform(size=3000) > top).astype(np.uint8)
    threshold = choose_threshold(probabilities, labels)
    full = selective(probabilities, labels, 0)["accuracy"]
    assert selective(probabilities, labels, threshold)["accuracy"] >= full + SELECTIVE_GAIN
    assert selective(probabilities, labels, threshold - 0.01)["accuracy"] < full + SELECTIVE_GAIN


def test_offsets_help_the_rare_class_and_are_nought_where_they_do_not():
    labels = np.array([Emotion.HAPPY] * 90 + [Emotion.DISGUST] * 10, np.uint8)
    shy = np.full((100, 7), 0.02, np.float32)
    shy[:90, Emotion.HAPPY] = 0.9
    shy[90:, [Emotion.DISGUST, Emotion.HAPPY]] = 0.42, 0.48
    offsets = choose_offsets(shy, labels)
    assert offsets[Emotion.DISGUST] > offsets[Emotion.HAPPY]
    assert (shift(shy, offsets).argmax(axis=1) == labels).all()
    assert shift(shy, offsets).sum(axis=1) == pytest.approx(np.ones(100))
    assert choose_offsets(certain(*labels), labels) == (0,) * 7


def test_offsets_cost_no_more_accuracy_than_the_rule_allows():
    # Each share of the offsets turns more of the common class's faces into the rare one's.
    labels = np.array([Emotion.HAPPY] * 940 + [Emotion.DISGUST] * 60, np.uint8)
    rng = np.random.default_rng(3)
    lean = np.where(labels == Emotion.HAPPY, 1.1, -0.4) + rng.normal(0, 0.8, 1000)
    probabilities = np.full((1000, 7), 1e-9, np.float32)
    probabilities[:, Emotion.HAPPY] = 1 / (1 + np.exp(-lean))
    probabilities[:, Emotion.DISGUST] = 1 / (1 + np.exp(lean))
    plain = (probabilities.argmax(1) == labels).mean()
    shifted = shift(probabilities, choose_offsets(probabilities, labels)).argmax(1)
    assert (shifted == labels).mean() >= plain - 0.003 - 1e-9
