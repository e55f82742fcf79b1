"""A recording over its own time: how long each sample stands, gaps, smoothing and episodes; functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_STEPS = 2.0
"""A sample stands for the time up to the next one, and for two steps at most: what comes after is a gap."""


def usual_step_s(time_s: Floats, every_s: float = 0.0) -> float:
    """Return the distance of two samples in seconds: the asked one, or the median where the file has fewer frames.

    0 for fewer than two samples.
    """
    return max(every_s, float(np.median(np.diff(time_s)))) if len(time_s) > 1 else 0.0


def held_s(time_s: Floats, step_s: float) -> Floats:
    """Return the seconds that each sample stands for, (N,): up to the next one, and two steps at most.

    `time_s` (N,) increasing; `step_s` see `usual_step_s`. The last sample stands for one step.
    """
    if not len(time_s):
        return np.zeros(0)
    held: Floats = np.minimum(np.append(np.diff(time_s), step_s), MOST_STEPS * step_s)
    return held


def longest_gap_s(time_s: Floats, usable: NDArray[np.bool_], every_s: float = 0.0) -> float:
    """Return the longest time without a usable sample, from the first sample to the end of the last, in seconds.

    `time_s` (N,) of all samples, `usable` (N,). A single unusable sample is a gap of one step, and a hole between two
    samples is one from the end of the time that the first stands for.
    """
    if not len(time_s):
        return 0.0
    ends = time_s + held_s(time_s, usual_step_s(time_s, every_s))
    begins = np.append(time_s[usable], ends[-1])
    return float(max(0.0, (begins - np.concatenate([time_s[:1], ends[usable]])).max()))


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
    values: Floats, time_s: Floats, threshold: float = 0.5, min_s: float = 0.5, every_s: float = 0.0
) -> Sequence[tuple[float, float, float]]:
    """Return the stretches in which one probability stays at or above `threshold`: (onset, apex, end) in seconds.

    `values` (N,) with NaN where there was no usable face, which ends an episode, as a hole of more than two steps
    does; `time_s` (N,). Stretches shorter than `min_s` are left out.
    """
    high = np.nan_to_num(values, nan=-1.0) >= threshold
    hole = np.diff(time_s) > MOST_STEPS * usual_step_s(time_s, every_s) + 1e-9
    found: list[tuple[float, float, float]] = []
    for run in np.split(np.arange(len(values)), np.flatnonzero(np.diff(high) | hole) + 1):
        if len(run) and high[run[0]] and time_s[run[-1]] - time_s[run[0]] >= min_s:
            apex = run[int(np.argmax(values[run]))]
            found.append((float(time_s[run[0]]), float(time_s[apex]), float(time_s[run[-1]])))
    return found
