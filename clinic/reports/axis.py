"""The axis of a report as SVG: usable face time, and below it the shares of some labels, over the dates.

It holds no text of people: every letter in it is the program's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import pairwise

from clinic.patients import within_day
from clinic.patients.trends import TrendPoint, usable_called
from fer_core.emotions import Emotion
from fer_core.reading.plot import COLORS

WIDTH, LEFT, RIGHT = 520, 34, 8
PANEL, TITLE, GAP, FOOT = 58, 12, 8, 16
STEP = TITLE + PANEL + GAP
GREY, DARK, TICKS = "#8A979E", "#1E2A32", 5
USABLE = "#5B8F96"
Placed = tuple[TrendPoint, float]
"""A recording, and where it stands: in days since the year 1, with the time of day as a part of one."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """Where a panel lies: its upper edge in the drawing, the share at its upper end, and what stands at its sides.

    `first` and `last`: as in `Placed`.
    """

    top: int
    scale: float
    first: float
    last: float

    def x(self, at: float) -> float:
        inner = WIDTH - LEFT - RIGHT - 12
        days = self.last - self.first
        return LEFT + 6 + inner * ((at - self.first) / days if days else 0.5)

    def y(self, share: float) -> float:
        return self.top + TITLE + PANEL * (1 - min(share, self.scale) / self.scale)


def axis_svg(
    points: Sequence[TrendPoint], shown: Sequence[int], names: Mapping[int, str], breaks: Sequence[date]
) -> str:
    """Return the drawing; `shown`: the columns with a panel each, `breaks`: the days from which a new line begins."""
    at = [
        point.recorded_on.toordinal() + minute / within_day.DAY_MIN
        for point, minute in zip(points, within_day.minutes(points), strict=True)
    ]
    placed = list(zip(points, at, strict=True))
    # All of one moment stand in the middle.
    first, last = at[0] if at[0] == at[-1] else float(int(at[0])), at[-1]
    height = (len(shown) + 1) * STEP + FOOT
    usable = _Panel(0, 1.0, first, last)
    body = [*_frame(usable_called(points).capitalize(), usable), *_usable(placed, usable)]
    for place, column in enumerate(shown, start=1):
        panel = _Panel(place * STEP, _scale(points, column), first, last)
        name = names[column]
        body += [*_frame(name[:1].upper() + name[1:], panel), *_shares(placed, column, panel)]
    for change in breaks:
        x = usable.x(_border(change, placed))
        body.append(_line(x, TITLE, x, height - FOOT, DARK, 0.8, dash="2 2"))
    body += _dates(usable, height - 4)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' font-family="Noto Sans" font-size="8" fill="{DARK}">{"".join(body)}</svg>'
    )


def _usable(points: Sequence[Placed], panel: _Panel) -> Iterator[str]:
    for point, at in points:
        x, y = panel.x(at), panel.y(point.usable_share)
        yield _line(x, panel.y(0.0), x, y, USABLE, 1.0)
        yield _dot(x, y, USABLE, hollow=point.excluded is not None)


def _shares(points: Sequence[Placed], column: int, panel: _Panel) -> Iterator[str]:
    """Draw the usual range and the line of what counts, and over them each recording with its interval."""
    color = COLORS[Emotion(column)] if column < len(Emotion) else GREY
    path, before = "", None
    for point, at in points:
        if point.excluded is not None or point.shares is None:
            continue
        x = panel.x(at)
        if point.usual_low is not None and point.usual_high is not None:
            yield _band(x, panel.y(point.usual_low[column]), panel.y(point.usual_high[column]), color)
        path += f"{'L' if before == point.segment else 'M'}{x:.1f} {panel.y(point.shares[column]):.1f}"
        before = point.segment
    if path:
        yield f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.2"/>'
    for point, at in points:
        yield from _recording(point, panel.x(at), column, panel, color)


def _recording(point: TrendPoint, x: float, column: int, panel: _Panel, color: str) -> Iterator[str]:
    if point.shares is None:
        return
    y = panel.y(point.shares[column])
    if point.excluded is None and point.low is not None and point.high is not None:
        yield _line(x, panel.y(point.low[column]), x, panel.y(point.high[column]), color, 0.7)
    if column in point.outside:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="none" stroke="{DARK}"/>'
    yield _dot(x, y, color, hollow=point.excluded is not None)


def _border(day: date, points: Sequence[Placed]) -> float:
    """Return where a new line begins: at the beginning of its day, or between two recordings of that day."""
    for (before, before_at), (after, at) in pairwise(points):
        if before.segment != after.segment and before.recorded_on == after.recorded_on == day:
            return (before_at + at) / 2
    return float(day.toordinal())


def _scale(points: Sequence[TrendPoint], column: int) -> float:
    """Return the share at the upper end of a panel: a round one that holds what counts."""
    counting = [point for point in points if point.excluded is None]
    ends = [end[column] for each in counting for end in (each.shares, each.high, each.usual_high) if end is not None]
    return min(1.0, max(0.1, math.ceil(max(ends, default=0.1) * 10.5) / 10))


def _frame(name: str, panel: _Panel) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="{panel.top + TITLE - 4}" font-weight="bold">{escape(name)}</text>'
    for share in (0.0, panel.scale / 2, panel.scale):
        y = panel.y(share)
        yield _line(LEFT, y, WIDTH - RIGHT, y, GREY, 0.3)
        yield f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{share * 100:.0f} %</text>'


def _dates(panel: _Panel, y: float) -> Iterator[str]:
    days = int(panel.last - panel.first)
    count = min(TICKS, days + 1)
    for number in range(count):
        at = int(panel.first) + round(days * number / max(1, count - 1))
        day = date.fromordinal(at)
        anchor = "start" if number == 0 else "end" if number == count - 1 else "middle"
        yield f'<text x="{panel.x(at):.1f}" y="{y}" text-anchor="{anchor}">{day.day} {day:%b %Y}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: float, dash: str = "none") -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{color}" stroke-width="{width}" stroke-dasharray="{dash}"/>'


def _band(x: float, low: float, high: float, color: str) -> str:
    box = f'x="{x - 5:.1f}" y="{high:.1f}" width="10" height="{low - high:.1f}"'
    return f'<rect {box} fill="{color}" opacity="0.18"/>'


def _dot(x: float, y: float, color: str, hollow: bool) -> str:
    fill = "#FFFFFF" if hollow else color
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{fill}" stroke="{color}"/>'
