"""Where in a recording the mouth moves, and where it is still: talk changes the model's labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.reading.timeline import Floats

WINDOW_S = 2.0
"""A moment is judged by the mean of the changes in so many seconds around it."""
MOVING_FROM = 0.25
"""From this mean change on, in standard deviations of the face's grey level, the mouth moves (docs/statistics.md)."""
KNOWN_S = 1.0
"""So much of the window must be known, in seconds."""


def moving(change: Floats, time_s: Floats, held_s: Floats) -> Floats:
    """Return where the mouth moves: (N,) with 1 where it does, 0 where it is still, NaN where that isn't known.

    `change` (N,) see `fer_core.faces.mouth`, NaN where it isn't known; `time_s` (N,) increasing; `held_s` (N,) the
    seconds that each sample stands for.
    """
    known: NDArray[np.bool_] = np.logical_not(np.isnan(change))
    weights = np.where(known, held_s, 0.0)
    sums = np.concatenate([[0.0], (weights * np.nan_to_num(change)).cumsum()])
    seconds = np.concatenate([[0.0], weights.cumsum()])
    first = np.searchsorted(time_s, time_s - WINDOW_S / 2, side="left")
    last = np.searchsorted(time_s, time_s + WINDOW_S / 2, side="right")
    within = seconds[last] - seconds[first]
    enough = within >= KNOWN_S - 1e-9
    means = (sums[last] - sums[first]) / np.where(enough, within, 1.0)
    return np.where(enough, (means >= MOVING_FROM).astype(np.float64), np.nan)
