"""How far the figures of a model's test could lie elsewhere with other pictures of the same kind. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clinic.phrases import exact_percent
from fer_core.emotions import Emotion
from fer_core.reading.intervals import share_interval

DRAWS, SEED = 1000, 1


def interval(right: float, of: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; 0 to 1 where there is nothing to count."""
    if of <= 0:
        return 0.0, 1.0
    low, high = share_interval(np.array([right / of]), np.array([of]), dependent=False)
    return float(low[0]), float(high[0])


def neutral_to_sad_95(measured: Mapping[str, Any]) -> tuple[float, float]:
    """Return the 95 % interval of the share of neutral faces whose likeliest label is sad."""
    neutral = measured["confusion"][Emotion.NEUTRAL]
    return interval(neutral[Emotion.SAD], sum(neutral))


def labelled_95(measured: Mapping[str, Any]) -> tuple[float, float]:
    """Return the 95 % interval of the agreement among the faces that get a label."""
    kept = measured["selective"]
    labelled = round(kept["coverage"] * measured["pictures"])
    return interval(kept["accuracy"] * labelled, labelled)


def macro_f1_95(measured: Mapping[str, Any]) -> tuple[float, float]:
    """Return the 95 % interval of macro F1: of `DRAWS` tests with as many pictures, drawn from the confusion matrix.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentile interval).
    """
    counts = np.array(measured["confusion"], dtype=float)
    pictures = int(counts.sum())
    if not pictures:
        return 0.0, 1.0
    draws = np.random.default_rng(SEED).multinomial(pictures, counts.ravel() / pictures, size=DRAWS)
    drawn = draws.reshape(DRAWS, *counts.shape)
    right, true, labelled = np.diagonal(drawn, axis1=1, axis2=2), drawn.sum(axis=2), drawn.sum(axis=1)
    scores = (2 * right / np.maximum(true + labelled, 1)).mean(axis=1)
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def between(shares: Sequence[float]) -> str:
    """Return an interval of shares (0 to 1) as text."""
    return f"95 % interval {exact_percent(shares[0])} to {exact_percent(shares[1])}"


def reach(share: float, pictures: int) -> str:
    """Return how far the 95 % interval of a share of so many pictures reaches to its wider side, in points."""
    low, high = interval(share * pictures, pictures)
    return f"{max(share - low, high - share) * 100:.1f} points"
