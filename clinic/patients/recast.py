"""Other ways to look at a trend's shares: some expressions together, or adjusted for the model's known errors.

Neither is judged against the usual range, which is one of the shares as they were labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clinic.patients.summaries import LABELS
from clinic.patients.trends import TrendPoint
from fer_core.emotions import Emotion
from fer_core.reading.adjusted import FEWEST, adjust
from fer_core.reading.intervals import share_interval

TOGETHER = (Emotion.ANGRY, Emotion.DISGUST, Emotion.FEAR, Emotion.SAD)
COMPOSITE = len(LABELS)
"""The column of the expressions of `TOGETHER`, after those of `LABELS`."""
ADJUSTED_MOST = 60
"""Of so many of the newest recordings adjusted shares are worked out: each takes some hundredths of a second."""


def with_composite(points: Sequence[TrendPoint]) -> list[TrendPoint]:
    """Return the points with one column more: the expressions of `TOGETHER` together, with their 95 % interval.

    The interval rests on the fewest independent samples of any of them.
    """
    return [_with_composite(point) for point in points]


def _with_composite(point: TrendPoint) -> TrendPoint:
    if point.shares is None or point.low is None or point.high is None or point.sizes is None:
        return point
    share = min(1.0, sum(point.shares[emotion] for emotion in TOGETHER))
    size = min(point.sizes[emotion] for emotion in TOGETHER)
    low, high = share_interval(np.array([share]), np.array([max(1.0, size)]))
    return replace(
        point,
        shares=(*point.shares, share),
        low=(*point.low, min(share, float(low[0]))),
        high=(*point.high, max(share, float(high[0]))),
    )


def adjusted(
    points: Sequence[TrendPoint], model_sha256: str, given: NDArray[np.float64] | None
) -> tuple[TrendPoint, ...]:
    """Return the points with the shares of true expressions, in `Emotion` order, in the place of those of the labels.

    A point of another model than `model_sha256`, one that doesn't count, one older than the newest `ADJUSTED_MOST`,
    and one for which it isn't known to be better, has no shares. `given` as in `fer_core.reading.adjusted.adjust`.
    """
    first = len(points) - ADJUSTED_MOST
    return tuple(
        _adjusted(point, given if number >= first and point.model_sha256 == model_sha256 else None)
        for number, point in enumerate(points)
    )


def _adjusted(point: TrendPoint, given: NDArray[np.float64] | None) -> TrendPoint:
    bare = replace(point, usual_low=None, usual_high=None, outside=(), beyond=(), shares=None, low=None, high=None)
    known = point.shares is not None and point.sizes is not None and point.excluded is None
    if given is None or not known or point.shares is None or point.sizes is None:
        return bare
    size = min(point.sizes)
    found = adjust(np.array(point.shares), size, given) if size >= FEWEST else None
    if found is None:
        return bare
    low, high, shares = found.low.tolist(), found.high.tolist(), found.shares.tolist()
    return replace(bare, shares=tuple(shares), low=tuple(low), high=tuple(high))
