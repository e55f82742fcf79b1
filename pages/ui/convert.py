"""From the clinic's values to those of the charts."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from clinic.trends import Trend
from fer_core.emotions import Emotion
from fer_core.types import Status
from pages.ui.charts import Band, TrendDot
from pages.ui.timeline_chart import Moment

CHANGES = {"model": "new model", "sampling": "other sampling"}


class Samples(Protocol):
    """What is needed of a recording's samples, in the order of time: `probabilities` (N, 7) in `Emotion` order."""

    @property
    def time_s(self) -> NDArray[Any]:
        """Seconds, (N,)."""

    @property
    def status(self) -> NDArray[Any]:
        """Values of `Status`, (N,)."""

    @property
    def probabilities(self) -> NDArray[Any]:
        """Shares of 1, (N, 7)."""


def trend_dots(trend: Trend) -> list[TrendDot]:
    """Return a trend's recordings as dots; the segment stands for the model."""
    return [
        TrendDot(
            recorded_on=point.recorded_on,
            usable=point.usable_share,
            shares=point.shares,
            low=point.low,
            high=point.high,
            hollow=point.hollow,
            model=str(point.segment),
            outside=point.outside,
        )
        for point in trend.points
    ]


def usual_bands(trend: Trend) -> dict[Emotion, Band]:
    """Return the patient's usual ranges, none while the baseline is being built."""
    return {emotion: Band(found.mean, found.low, found.high) for emotion, found in (trend.baseline or {}).items()}


def moments(samples: Samples) -> list[Moment]:
    """Return the samples of one recording's patient as moments."""
    statuses = [Status(status) for status in samples.status.tolist()]
    return [
        Moment(time_s, status, tuple(row) if status.usable else None)
        for time_s, status, row in zip(samples.time_s.tolist(), statuses, samples.probabilities.tolist(), strict=True)
    ]
