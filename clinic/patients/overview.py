"""Three sentences about a patient: the newest recording against the usual range, its reliability, and what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clinic.patients.summaries import DOUBTED
from clinic.patients.trends import UNDER_CONDITION, Trend, TrendPoint
from clinic.phrases import NO_TIME, counted, day, usable_percent, visit


def summary(trend: Trend, names: Mapping[int, str], not_interpreted: str | None = None) -> tuple[str, str, str]:
    """Return the three sentences of a trend. `names`: what each column of `summaries.LABELS` is called.

    `not_interpreted`: the sentence that stands in the place of the first one where labels say nothing; None else.
    """
    if not trend.points:
        return ("No recording has a result yet.", "", "")
    newest = trend.points[-1]
    first = not_interpreted or _against_usual(trend, newest, names)
    return first, _trust(newest, shares=not_interpreted is None), _counting(trend)


def _against_usual(trend: Trend, newest: TrendPoint, names: Mapping[int, str]) -> str:
    """Say how the newest recording lies to the patient's own usual range."""
    begin = f"Newest recording, {visit(newest)}{f' ({NO_TIME})' if newest.taken_for_last else ''}:"
    if newest.excluded is not None:
        return f"{begin} not compared with the usual range, because it does not count ({newest.excluded})."
    if newest.usual_low is None or newest.usual_high is None or newest.shares is None:
        return f"{begin} no usual range yet, {trend.building or 'it is part of the baseline'}."
    if not newest.beyond:
        return f"{begin} every expression is within this patient's usual range."
    marked = [_beside(column, newest, names) for column in newest.outside]
    once = [_beside(column, newest, names) for column in newest.beyond if column not in newest.outside]
    said = []
    if marked:
        said.append(f"{_listed(marked)}, in this recording and the one before it")
    if once:
        said.append(f"{_listed(once)}, in this recording only, which may be chance")
    return f"{begin} outside this patient's usual range: {'; '.join(said)}."


def _beside(column: int, point: TrendPoint, names: Mapping[int, str]) -> str:
    shares, low, high = point.shares or (), point.usual_low or (), point.usual_high or ()
    return f"{names[column]} {_percent(shares[column])} (usual {_percent(low[column])} to {_percent(high[column])})"


def _trust(newest: TrendPoint, shares: bool) -> str:
    """Say how much of the newest recording could be read, and how exactly its shares are known where they are shown."""
    whole = "it" if shares else f"the newest recording, {visit(newest)}"
    readable = f"The face could be read in {usable_percent(newest.usable_share)} of {whole}"
    if shares and newest.excluded == UNDER_CONDITION:
        return f"{readable}; its labels are not interpreted: {newest.excluded}."
    if newest.excluded == DOUBTED:
        return f"{readable}; {DOUBTED}."
    if shares and newest.excluded is not None:
        return f"{readable}; that is hardly reliable: {newest.excluded}."
    if not shares or newest.low is None or newest.high is None:
        return f"{readable}."
    widest = max(high - low for low, high in zip(newest.low, newest.high, strict=True)) / 2
    return f"{readable}; its shares are known to about ± {widest * 100:.0f} percentage points."


def _counting(trend: Trend) -> str:
    """Say how many recordings count, since when they can be compared, and why others don't count."""
    line = [point for point in trend.points if point.segment == trend.line]
    good = sum(point.excluded is None for point in line)
    begun = trend.begins(trend.line)
    since = f" since {day(begun)}, when a new line began" if begun is not None else ""
    apart = sum(point.segment != trend.line and point.recorded_on >= line[0].recorded_on for point in trend.points)
    left_out = len(line) - good
    rest = f"; {left_out} {'does' if left_out == 1 else 'do'} not count ({_reasons(line)})" if left_out else ""
    others = f"; {apart} more since then {'was' if apart == 1 else 'were'} made in another way" if apart else ""
    return f"{good} of {counted(len(line), 'recording')} can be compared{since}{rest}{others}."


def _reasons(line: Sequence[TrendPoint]) -> str:
    return "; ".join(dict.fromkeys(point.excluded for point in line if point.excluded is not None))


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
