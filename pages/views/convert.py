"""From the clinic's values to those of the charts."""

from __future__ import annotations

from clinic import words
from clinic.patients.trends import Trend
from fer_core.reading.reading import Series
from pages.charts.timeline import Moment
from pages.charts.trend import TrendDot

CHANGES = words.CHANGES


def trend_dots(trend: Trend) -> list[TrendDot]:
    """Return a trend's recordings as dots; what can't be compared has another segment."""
    return [
        TrendDot(
            recorded_on=point.recorded_on,
            usable=point.usable_share,
            shares=point.shares,
            low=point.low,
            high=point.high,
            excluded=point.excluded,
            model=str(point.segment),
            outside=point.outside,
            usual_low=point.usual_low,
            usual_high=point.usual_high,
        )
        for point in trend.points
    ]


def moments(series: Series) -> list[Moment]:
    """Return the samples of one recording's patient as moments."""
    return [
        Moment(time_s, status, tuple(row) if status.usable else None)
        for time_s, status, row in zip(series.time_s.tolist(), series.statuses, series.outputs.tolist(), strict=True)
    ]
