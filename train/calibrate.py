"""Temperature and threshold of abstention, both chosen on PublicTest alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from train.metrics import Labels, Probabilities, selective

SELECTIVE_GAIN = 0.08
"""By how much the accuracy of the faces that get a label shall exceed the accuracy over all."""


def rescale(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return the probabilities (N, 7) that the same logits give at another temperature."""
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    exponents = np.exp(logits)
    scaled: NDArray[np.float32] = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled


def fit_temperature(probabilities: Probabilities, labels: Labels) -> float:
    """Return the temperature of least cross-entropy for probabilities at temperature 1.

    Source: Guo et al. 2017 (arXiv 1706.04599).
    """
    rows = np.arange(len(labels))

    def cross_entropy(log_temperature: float) -> float:
        scaled = rescale(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(scaled[rows, labels], 1e-12)).mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-2, 2), method="bounded").x))


def choose_threshold(probabilities: Probabilities, labels: Labels) -> float:
    """Return the lowest top probability from which on the labelled faces gain `SELECTIVE_GAIN` of accuracy."""
    full = selective(probabilities, labels, 0.0)["accuracy"]
    for threshold in np.arange(0.20, 0.99, 0.005):
        found = selective(probabilities, labels, float(threshold))
        if found["accuracy"] >= min(full + SELECTIVE_GAIN, 0.995):
            return round(float(threshold), 3)
    return 0.99
