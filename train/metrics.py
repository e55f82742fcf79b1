"""What is measured of predicted probabilities; counting is scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from fer_core.emotions import EMOTION_LABELS, Emotion

Probabilities = NDArray[np.float32]
Labels = NDArray[np.uint8]

_CLASSES = list(range(len(Emotion)))


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, as shares of 1. Source: Wilson 1927."""
    z = 1.959964
    share = correct / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return float(middle - half), float(middle + half)


def measure(probabilities: Probabilities, labels: Labels) -> dict[str, Any]:
    """Return the metrics of probabilities (N, 7) against labels (N,), all as shares of 1.

    `confusion` counts pictures, rows are true labels and columns predicted ones, both in `Emotion` order. A class
    that is never predicted has precision 0, one that never occurs recall 0; `balanced_accuracy` is the mean recall of
    those that occur. `neutral_to_sad` is the share of the neutral faces that are called sad.
    """
    predicted = probabilities.argmax(axis=1)
    correct = int((predicted == labels).sum())
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=_CLASSES, zero_division=0.0
    )
    confusion = confusion_matrix(labels, predicted, labels=_CLASSES)
    neutral = max(1, int(confusion[Emotion.NEUTRAL].sum()))
    return {
        "pictures": len(labels),
        "accuracy": float(accuracy_score(labels, predicted)),
        "accuracy_95": list(wilson_interval(correct, len(labels))),
        "macro_precision": float(precision.mean()),
        "macro_recall": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "balanced_accuracy": float(recall[support > 0].mean()),
        "top2_accuracy": float(top_k_accuracy_score(labels, probabilities, k=2, labels=_CLASSES)),
        "neutral_to_sad": float(confusion[Emotion.NEUTRAL, Emotion.SAD] / neutral),
        "per_class": {
            label: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "pictures": int(support[i]),
            }
            for i, label in enumerate(EMOTION_LABELS)
        },
        "confusion": confusion.tolist(),
    }


def given(probabilities: Probabilities, labels: Labels, threshold: float) -> list[list[int]]:
    """Return how often each true class (row) got each label (column), the last column uncertain: 7 rows of 8."""
    label = np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), len(EMOTION_LABELS))
    counts = np.zeros((len(EMOTION_LABELS), len(EMOTION_LABELS) + 1), np.int64)
    np.add.at(counts, (labels, label), 1)
    rows: list[list[int]] = counts.tolist()
    return rows


def reliability(probabilities: Probabilities, labels: Labels, bins: int = 15) -> dict[str, Any]:
    """Return the expected calibration error and the diagram behind it, over equal bins of the top probability.

    `diagram` rows: lower edge, mean top probability, accuracy, pictures; empty bins are left out.
    Source: Guo et al. 2017 (arXiv 1706.04599).
    """
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((top * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for number in range(bins):
        inside = place == number
        if not inside.any():
            continue
        confidence, accuracy = float(top[inside].mean()), float(right[inside].mean())
        rows.append([number / bins, confidence, accuracy, int(inside.sum())])
        error += float(inside.mean()) * abs(confidence - accuracy)
    return {"ece": error, "diagram": rows}


def risk_coverage(probabilities: Probabilities, labels: Labels, points: int = 50) -> dict[str, Any]:
    """Return how the error falls when the least certain faces are left out.

    `curve` rows: coverage, risk (error among those kept); `aurc` is the area under it over all coverages.
    Source: Geifman & El-Yaniv 2017 (arXiv 1705.08500).
    """
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[order]
    risk = wrong.cumsum() / np.arange(1, len(wrong) + 1)
    kept = np.unique(np.linspace(0, len(risk) - 1, points).astype(int))
    curve = [[float((k + 1) / len(risk)), float(risk[k])] for k in kept]
    return {"aurc": float(risk.mean()), "curve": curve}


def selective(probabilities: Probabilities, labels: Labels, threshold: float) -> dict[str, float]:
    """Return accuracy and coverage over the faces whose top probability reaches `threshold`."""
    kept = probabilities.max(axis=1) >= threshold
    if not kept.any():
        return {"threshold": threshold, "coverage": 0.0, "accuracy": 0.0}
    right = probabilities.argmax(axis=1)[kept] == labels[kept]
    return {"threshold": threshold, "coverage": float(kept.mean()), "accuracy": float(right.mean())}
