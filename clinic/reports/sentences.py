"""The sentences of a report: what counts, the newest recording against the usual range, what can't be compared."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

from clinic import words
from clinic.patients.trends import Change, TrendPoint, usable_called
from clinic.phrases import NO_TIME, counted, day, percent, usable_percent, visit
from fer_core.emotions import Emotion

SHOWN = (Emotion.HAPPY, Emotion.SAD, Emotion.NEUTRAL)
"""The expressions that the sentences and the axis speak of; the table of a single recording has all."""


def sentences(
    points: Sequence[TrendPoint], changes: Sequence[Change], shown: Sequence[int] = SHOWN, waiting: int = 0
) -> list[str]:
    """Return sentences: what counts, the newest recording against the usual range, and what can't be compared.

    `waiting`: how many recordings beside these have no result yet.
    """
    counting = [point for point in points if point.excluded is None]
    more = [f"{counted(waiting, 'recording has', 'recordings have')} no result yet."] if waiting else []
    if not points:
        return ["There is no result, so nothing is reported about expressions.", *more]
    if not counting:
        return [f"{_none_counts(points)}, so nothing is reported about expressions.", *more]
    said = [_what_counts(points, counting), *more, *(_against_usual(counting[-1], column) for column in shown)]
    if changes:
        days = ", ".join(f"{day(change.day)} ({words.CHANGES[change.what]})" for change in changes)
        said.append(
            f"On these days a recording was made in another way: {days}.{_made_as_before(points)} Recordings that were"
            " made in different ways are not compared."
        )
    return said


def _made_as_before(points: Sequence[TrendPoint]) -> str:
    """Return how many recordings belong to an earlier line than one before them: no day of a change speaks of them."""
    newest = accumulate((point.segment for point in points), max)
    back = sum(point.segment < line for point, line in zip(points, newest, strict=True))
    made = "1 later recording was" if back == 1 else f"{back} later recordings were"
    return f" {made} again made as before." if back else ""


def _none_counts(points: Sequence[TrendPoint]) -> str:
    if len(points) == 1:
        return f"The recording of {visit(points[0])} does not count"
    return f"None of the {counted(len(points), 'recording')} with a result counts"


def _what_counts(points: Sequence[TrendPoint], counting: Sequence[TrendPoint]) -> str:
    if len(points) == 1:
        usable = usable_percent(points[0].usable_share)
        return f"The recording of {visit(points[0])} counts; its {usable_called(points)} was {usable}."
    usable = usable_percent(median(point.usable_share for point in points))
    return (
        f"{len(counting)} of {counted(len(points), 'recording')} from {day(points[0].recorded_on)}"
        f" to {day(points[-1].recorded_on)}"
        f" {'counts' if len(counting) == 1 else 'count'}; their median {usable_called(points)} was {usable}."
    )


def _against_usual(point: TrendPoint, column: int) -> str:
    if point.shares is None or point.low is None or point.high is None:
        return ""
    which = f"{visit(point)} ({NO_TIME})" if point.taken_for_last else visit(point)
    said = (
        f"Recording of {which}: the label {words.TREND_NAMES[column]} took {percent(point.shares[column])}"
        f" of the {point.basis} (95 % interval {percent(point.low[column])} to {percent(point.high[column])})"
    )
    if point.usual_low is None or point.usual_high is None:
        return f"{said}; there is no usual range to compare it with yet."
    usual = f"this patient's usual range is {percent(point.usual_low[column])} to {percent(point.usual_high[column])}"
    if column in point.outside:
        return f"{said}; {usual}: outside it, as in the recording before it that can be compared."
    if column in point.beyond:
        return f"{said}; {usual}: outside it only in this recording, which is not marked."
    return f"{said}; {usual}: inside it."
