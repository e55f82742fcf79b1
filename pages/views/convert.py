"""From the clinic's values to those of the charts."""

from __future__ import annotations

from collections.abc import Sequence

from clinic import words
from clinic.patients import within_day
from clinic.patients.events import EventMark
from clinic.patients.trends import UNDER_CONDITION, TrendPoint
from clinic.questionnaires import sentences
from clinic.questionnaires.answers import Answer
from fer_core.reading.reading import Series
from pages import chooser
from pages.charts.axis import AxisMark, ScaleDot, ScalePanel, plotly_text
from pages.charts.timeline import TimelineSample
from pages.charts.trend import TrendDot

CHANGES = words.CHANGES
MINUTE_MS = 60_000


def trend_dots(points: Sequence[TrendPoint]) -> list[TrendDot]:
    """Return a trend's recordings as dots; what can't be compared has another segment."""
    return [
        TrendDot(
            recording_id=point.recording_id,
            recorded_on=point.recorded_on,
            usable=point.usable_share,
            shares=point.shares,
            basis=point.basis,
            low=point.low,
            high=point.high,
            excluded=point.excluded,
            model=str(point.segment),
            outside=point.outside,
            usual_low=point.usual_low,
            usual_high=point.usual_high,
            movement=point.movement if point.excluded in (None, UNDER_CONDITION) else None,
            shift_ms=round(minute * MINUTE_MS),
            name=chooser.visit(point),
        )
        for point, minute in zip(points, within_day.minutes(points), strict=True)
    ]


def scale_panels(given: Sequence[Answer]) -> list[ScalePanel]:
    """Return a panel for each questionnaire that has a total; `given` comes newest first."""
    return [
        ScalePanel(
            name=answered[0].scale.name,
            lowest=answered[0].scale.lowest,
            highest=answered[0].scale.highest,
            bands=[(band.least, band.label) for band in answered[0].scale.bands],
            dots=[_scale_dot(answer) for answer in reversed(answered)],
        )
        for answered in sentences.latest_by_scale(given).values()
    ]


def _scale_dot(answer: Answer) -> ScaleDot:
    said = sentences.score_sentence(answer.scale, answer.score)
    note = f"{sentences.day(answer.answered_on)}<br>{plotly_text(answer.scale.name)}<br>{plotly_text(said)}"
    return ScaleDot(answer.answered_on, answer.score.total or 0.0, note)


def axis_marks(marks: Sequence[EventMark]) -> list[AxisMark]:
    """Return the marks on the axis of time."""
    return [AxisMark(mark.happened_on, mark.kind.value, mark.text) for mark in marks]


def moments(series: Series) -> list[TimelineSample]:
    """Return the samples of one recording's patient as moments."""
    return [
        TimelineSample(time_s, status, tuple(row) if status.usable else None)
        for time_s, status, row in zip(series.time_s.tolist(), series.statuses, series.outputs.tolist(), strict=True)
    ]
