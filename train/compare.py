"""Intervals that respect people and sequences, and the test of two models on the same pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from fer_core.emotions import Emotion
from train.metrics import Labels, wilson_interval

DRAWS = 2000
FEWEST_GROUPS = 10
"""With fewer people or sequences than this, drawing them again says little."""

_CLASSES = len(Emotion)


def grouped_intervals(predicted: Labels, labels: Labels, groups: NDArray[np.str_], seed: int = 1) -> dict[str, Any]:
    """Return 95 % intervals of accuracy and macro F1 when whole groups (N,) are drawn again.

    The one of accuracy is at least as wide as Wilson's for single pictures: drawing again finds no doubt where all
    are right. Macro F1 is over the classes that occur. Source: Field & Welsh 2007, "Bootstrapping clustered data".
    """
    names, place = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), _CLASSES, _CLASSES))
    np.add.at(counts, (place, labels, predicted), 1)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    drawn = (draws @ counts.reshape(len(names), -1)).reshape(DRAWS, _CLASSES, _CLASSES)
    right = np.trace(drawn, axis1=1, axis2=2) / drawn.sum(axis=(1, 2))
    low, high = np.quantile(right, [0.025, 0.975])
    least, most = wilson_interval(int((predicted == labels).sum()), len(labels))
    scores = macro_f1(drawn)
    return {
        "groups": len(names),
        "accuracy_95": [min(float(low), least), max(float(high), most)],
        "macro_f1": float(macro_f1(counts.sum(axis=0)[None])[0]),
        "macro_f1_95": [float(value) for value in np.quantile(scores, [0.025, 0.975])],
    }


def macro_f1(confusions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean F1 (B,) over the classes that occur, of confusions (B, 7, 7), rows true."""
    right = np.diagonal(confusions, axis1=1, axis2=2)
    true, predicted = confusions.sum(axis=2), confusions.sum(axis=1)
    f1 = 2 * right / np.maximum(true + predicted, 1)
    occurs = true > 0
    mean: NDArray[np.float64] = (f1 * occurs).sum(axis=1) / np.maximum(occurs.sum(axis=1), 1)
    return mean


def mcnemar(ours_right: NDArray[np.bool_], theirs_right: NDArray[np.bool_]) -> dict[str, float]:
    """Return how many pictures only one of two models gets right, and the exact two-sided p value.

    Source: McNemar 1947; exact binomial form. It takes the pictures for independent, so that with several pictures of
    each person it is too sure.
    """
    ours, theirs = int((ours_right & ~theirs_right).sum()), int((theirs_right & ~ours_right).sum())
    p = binomtest(ours, ours + theirs).pvalue if ours + theirs else 1.0
    return {"only_ours": ours, "only_theirs": theirs, "p": float(p)}
