"""Reading a recording as a whole: shares, their uncertainty, gaps and smoothing; pure functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.emotions import Emotion

Floats = NDArray[np.float64]

CIRCUMPLEX: dict[Emotion, tuple[float, float]] = {
    Emotion.ANGRY: (-0.51, 0.59),
    Emotion.DISGUST: (-0.60, 0.35),
    Emotion.FEAR: (-0.64, 0.60),
    Emotion.HAPPY: (0.81, 0.51),
    Emotion.SAD: (-0.63, -0.27),
    Emotion.SURPRISE: (0.40, 0.67),
    Emotion.NEUTRAL: (0.0, 0.0),
}
"""Pleasure and arousal, -1 to 1, that people gave to the words for these states; neutral is the origin.

Source: Russell & Mehrabian 1977, doi 10.1016/0092-6566(77)90037-X.
"""

BLOCK_S = 10.0
ROUNDS = 1000


def block_bootstrap(
    values: Floats, time_s: Floats, block_s: float = BLOCK_S, rounds: int = ROUNDS, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return the 95 % interval of the mean of each column, from samples that resemble their neighbours in time.

    `values` (N, K); `time_s` (N,) seconds, increasing; -> low and high, each (K,). Whole stretches of `block_s`
    seconds are drawn with replacement, because frames that follow each other are not independent; `block_s` 0 draws
    single samples. With less than two blocks of material the interval is 0 to 1: nothing can be said.

    Raises ValueError for no samples. Source: Kuensch 1989, doi 10.1214/aos/1176347265.
    """
    count, columns = values.shape
    if count == 0:
        raise ValueError("no samples, no interval")
    length = _block_length(time_s, block_s)
    if count < 2 * length:
        return np.zeros(columns), np.ones(columns)
    rng = np.random.default_rng(seed)
    blocks = -(-count // length)
    sums = np.concatenate([np.zeros((1, columns)), values.cumsum(axis=0)])
    starts = rng.integers(0, count - length + 1, (rounds, blocks))
    means = (sums[starts + length] - sums[starts]).sum(axis=1) / (blocks * length)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def _block_length(time_s: Floats, block_s: float) -> int:
    """Return how many samples make a block: those of `block_s` seconds at the usual distance of two samples."""
    if block_s <= 0 or len(time_s) < 2:
        return 1
    return max(1, round(block_s / max(1e-6, float(np.median(np.diff(time_s))))))


def longest_gap_s(time_s: Floats, usable: NDArray[np.bool_]) -> float:
    """Return the longest time without a usable sample, from the first sample to the last, in seconds.

    `time_s` (N,) of all samples, `usable` (N,). Samples stand for the time up to the next one, so that a single
    unusable sample is a gap of one step.
    """
    if not len(time_s):
        return 0.0
    step = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    marks = np.concatenate([[time_s[0] - step], time_s[usable], [time_s[-1] + step]])
    return float(max(0.0, np.diff(marks).max() - step))


def smooth(values: Floats, time_s: Floats, width_s: float) -> Floats:
    """Return the running mean over a centred window of `width_s` seconds; NaN stays NaN and fills nothing.

    `values` (N, K) with NaN where there was no usable face; `time_s` (N,) increasing. A width of 0 changes nothing.
    """
    if width_s <= 0:
        return values
    known: NDArray[np.bool_] = np.logical_not(np.isnan(values).any(axis=1))
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.where(known[:, None], values, 0).cumsum(axis=0)])
    counts = np.concatenate([[0], known.cumsum()])
    first = np.searchsorted(time_s, time_s - width_s / 2, side="left")
    last = np.searchsorted(time_s, time_s + width_s / 2, side="right")
    within = np.maximum(1, counts[last] - counts[first])
    smoothed: Floats = (sums[last] - sums[first]) / within[:, None]
    smoothed[~known] = np.nan
    return smoothed


def episodes(
    values: Floats, time_s: Floats, threshold: float = 0.5, min_s: float = 0.5
) -> Sequence[tuple[float, float, float]]:
    """Return the stretches in which one probability stays at or above `threshold`: (onset, apex, end) in seconds.

    `values` (N,) with NaN where there was no usable face, which ends an episode; `time_s` (N,). Stretches shorter than
    `min_s` are left out.
    """
    high = np.nan_to_num(values, nan=-1.0) >= threshold
    edges = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]]).astype(int)))
    found: list[tuple[float, float, float]] = []
    for begin, end in edges.reshape(-1, 2).tolist():
        apex = begin + int(np.argmax(values[begin:end]))
        if time_s[end - 1] - time_s[begin] >= min_s:
            found.append((float(time_s[begin]), float(time_s[apex]), float(time_s[end - 1])))
    return found


def expressivity(probabilities: NDArray[Any], time_s: Floats) -> float | None:
    """Return how much the expression changes: mean total-variation distance of neighbouring samples per second.

    `probabilities` (N, 7) with NaN where there was no usable face; None where no two neighbours are usable. 0 is a face
    that never changes. It tells of the face's movement as the model sees it, of nothing else.
    """
    steps = np.diff(time_s)
    moved = np.abs(np.diff(probabilities, axis=0)).sum(axis=1) / 2
    known = ~np.isnan(moved) & (steps > 0)
    if not known.any():
        return None
    return float(moved[known].sum() / steps[known].sum())


def circumplex_index(probabilities: NDArray[Any]) -> Floats:
    """Return a valence and an arousal index of each row: (N, 7) in `Emotion` order -> (N, 2), each -1 to 1.

    A derived index, not a measurement: the mean of `CIRCUMPLEX` weighted with the model's outputs. NaN stays NaN.
    """
    weights = np.array([CIRCUMPLEX[emotion] for emotion in Emotion])
    index: Floats = np.asarray(probabilities, np.float64) @ weights
    return index
