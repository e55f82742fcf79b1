"""A trend as panels of a Plotly figure, from numbers: pure functions that neither query nor draw.

Names of expressions and reasons come in as text, because what is said to clinicians is kept in one place elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import plotly.graph_objects as go

from fer_core.emotions import Emotion
from pages.charts.palette import BAND, COLORS, LINE, SYMBOLS, TOGETHER, UNCERTAIN, USABLE_SHARE

DATE_FORMAT = "%d %b %Y"
REACH_MS = 36 * 3_600_000
"""How far the usual range of a lonely recording is drawn to each side."""
MOST_MS = 10**15
"""Longer than any history."""
ROOM = 0.16
"""What a panel shows below its lowest and above its highest value, as a share of them: half a marker of a low panel."""


@dataclass(frozen=True, slots=True)
class TrendDot:
    """One recording in a trend: shares of the usable time, or of a part of it, 0 to 1, with their interval.

    The columns are the expressions in `Emotion` order, and last uncertain.

    `usable` is the share of the recording with a usable face; `excluded` says why the recording doesn't count, or None.
    `outside`: the columns that are marked for lying outside this patient's usual range. `usual_low`, `usual_high`:
    the range that this recording was judged by, by column; None where it was not judged. `movement`:
    how much the face moved, per second, None where that isn't drawn. `shift_ms`: how long after the beginning of
    its day it is drawn.
    `name`: what the recording is called, to distinguish it from others of its day. `basis`: what the shares are of.
    """

    recording_id: str
    recorded_on: date
    usable: float | None
    shares: tuple[float, ...] | None
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    excluded: str | None
    model: str
    outside: tuple[int, ...] = ()
    usual_low: tuple[float, ...] | None = None
    usual_high: tuple[float, ...] | None = None
    movement: float | None = None
    shift_ms: int = 0
    name: str = ""
    basis: str = "usable time"

    @property
    def called(self) -> str:
        """What the recording is called under the pointer."""
        return self.name or _day(self.recorded_on)

    @property
    def at_ms(self) -> int:
        """Where it is drawn, in milliseconds since 1970."""
        return _ms(self.recorded_on) + self.shift_ms


def share_panels(
    figure: go.Figure, first_row: int, dots: Sequence[TrendDot], shown: Sequence[int], names: Mapping[int, str]
) -> None:
    """Draw usable time in a figure's row `first_row` and one panel for each column of `shown` below it.

    A recording without a share is a gap, one that doesn't count a hollow point outside the line, and no line joins
    the results of two models. Behind each recording that was judged stands only the range that it was judged by.
    """
    _usable_panel(figure, first_row, dots)
    top = _top([value for dot in dots for value in _highest(dot, shown)])
    room = ROOM * top
    for row, emotion in enumerate(shown, start=first_row + 1):
        _bands(figure, row, dots, emotion)
        _share_panel(figure, row, dots, emotion, names[emotion])
        figure.update_yaxes(range=[-room, top + room], tickformat=".0%", nticks=4, zeroline=False, row=row)


def movement_panel(figure: go.Figure, row: int, dots: Sequence[TrendDot]) -> None:
    """Draw how much the face moved in each recording, as far as it is known; no line joins two lines of recordings."""
    x: list[int] = []
    y: list[float | None] = []
    notes: list[list[str]] = []
    for number, dot in enumerate(dots):
        if number and dot.model != dots[number - 1].model:
            x.append(dot.at_ms)
            y.append(None)
            notes.append(["", ""])
        counts = dot.movement is not None
        x.append(dot.at_ms)
        y.append(dot.movement if counts else None)
        notes.append([dot.recording_id, f"{dot.called}<br>{dot.movement:.2f} a second" if counts else ""])
    figure.add_scatter(
        x=x, y=y, customdata=notes, mode="lines+markers", connectgaps=False, name="movement",
        line={"color": USABLE_SHARE, "width": 2}, marker={"color": USABLE_SHARE, "size": 9}, cliponaxis=False,
        hovertemplate="%{customdata[1]}<extra></extra>", row=row, col=1,
    )  # fmt: skip
    top = max([value for value in y if value is not None], default=1.0) or 1.0
    figure.update_yaxes(range=[-ROOM * top, (1 + ROOM) * top], nticks=4, zeroline=False, row=row)


def _usable_panel(figure: go.Figure, row: int, dots: Sequence[TrendDot]) -> None:
    """Draw the usable share of each recording, with the half below which a recording doesn't count."""
    figure.add_scatter(
        x=[dot.at_ms for dot in dots],
        y=[dot.usable for dot in dots],
        customdata=[[dot.recording_id, dot.called, dot.excluded or "counts"] for dot in dots],
        mode="markers",
        marker={"color": USABLE_SHARE, "size": 9, "symbol": [_symbol("circle", dot) for dot in dots]},
        cliponaxis=False,
        error_y={"type": "data", "array": [0] * len(dots), "arrayminus": [dot.usable or 0 for dot in dots],
                 "symmetric": False, "color": USABLE_SHARE, "width": 0, "thickness": 3},
        hovertemplate="%{customdata[1]}<br>usable %{y:.0%} · %{customdata[2]}<extra></extra>",
        row=row, col=1,
    )  # fmt: skip
    figure.add_hline(y=0.5, line={"color": LINE, "dash": "dot", "width": 1}, row=row)
    figure.update_yaxes(range=[-ROOM, 1 + ROOM], tickvals=[0, 0.5, 1], tickformat=".0%", zeroline=False, row=row)


def _share_panel(figure: go.Figure, row: int, dots: Sequence[TrendDot], emotion: int, name: str) -> None:
    """Draw one expression's share: the recordings that count joined, the others hollow."""
    color, symbol = _look(emotion)
    x, y, above, below, notes = zip(*_joined(dots, emotion), strict=True) if dots else ((), (), (), (), ())
    figure.add_scatter(
        x=x, y=y, customdata=notes, name=name, mode="lines+markers", connectgaps=False,
        line={"color": color, "width": 2}, marker={"color": color, "size": 9, "symbol": symbol}, cliponaxis=False,
        error_y={"type": "data", "array": above, "arrayminus": below, "symmetric": False, "thickness": 1.2, "width": 4},
        hovertemplate="%{customdata[1]}<extra></extra>", row=row, col=1,
    )  # fmt: skip
    _ring(figure, row, dots, emotion)
    left_out = [dot for dot in dots if dot.excluded is not None and dot.shares is not None]
    figure.add_scatter(
        x=[dot.at_ms for dot in left_out],
        y=[dot.shares[emotion] for dot in left_out if dot.shares is not None],
        customdata=[[dot.recording_id, _note(dot, emotion)] for dot in left_out],
        mode="markers", name=f"{name}, does not count",
        marker={"color": color, "size": 9, "symbol": f"{symbol}-open", "line": {"width": 2}}, cliponaxis=False,
        hovertemplate="%{customdata[1]}<extra></extra>", row=row, col=1,
    )  # fmt: skip


def _ring(figure: go.Figure, row: int, dots: Sequence[TrendDot], emotion: int) -> None:
    """Draw a ring around each recording outside the patient's usual range."""
    found = [dot for dot in dots if emotion in dot.outside and dot.shares is not None]
    if found:
        figure.add_scatter(
            x=[dot.at_ms for dot in found], y=[dot.shares[emotion] for dot in found if dot.shares],
            mode="markers", hoverinfo="skip", name="outside the usual range",
            marker={"symbol": "circle-open", "size": 18, "color": LINE, "line": {"width": 2}}, cliponaxis=False,
            row=row, col=1,
        )  # fmt: skip


def _joined(dots: Sequence[TrendDot], emotion: int) -> Iterator[tuple[int, float | None, float, float, list[str]]]:
    """Yield (day, share, reach of the interval above and below it, [id, note]), with a break where a line ends."""
    for number, dot in enumerate(dots):
        day = dot.at_ms
        if number and dot.model != dots[number - 1].model:
            yield day, None, 0.0, 0.0, ["", ""]
        if dot.shares is None or dot.excluded is not None:
            yield day, None, 0.0, 0.0, ["", ""]
            continue
        share = dot.shares[emotion]
        above = dot.high[emotion] - share if dot.high else 0.0
        yield day, share, above, share - dot.low[emotion] if dot.low else 0.0, [dot.recording_id, _note(dot, emotion)]


def _bands(figure: go.Figure, row: int, dots: Sequence[TrendDot], emotion: int) -> None:
    """Draw, behind each recording that was judged, the range that judged it, as far as halfway to its neighbours."""
    x: list[int | None] = []
    y: list[float | None] = []
    for touching in _touching(dots, emotion):
        lower = [(at, low) for begin, end, low, _ in touching for at in (begin, end)]
        upper = [(at, high) for begin, end, _, high in reversed(touching) for at in (end, begin)]
        for at, share in (*lower, *upper, lower[0]):
            x.append(at)
            y.append(share)
        x.append(None)
        y.append(None)
    if x:
        figure.add_scatter(
            x=x, y=y, mode="lines", fill="toself", fillcolor=BAND, line={"width": 0}, hoverinfo="skip",
            name="usual range", row=row, col=1,
        )  # fmt: skip


def _touching(dots: Sequence[TrendDot], emotion: int) -> list[list[tuple[int, int, float, float]]]:
    """Return (begin, end, low, high) of each range that is drawn, those that touch in one list.

    A browser draws one shape with many corners far faster than hundreds of rectangles.
    """
    runs: list[list[tuple[int, int, float, float]]] = []
    for dot, begin, end in _stretches(dots):
        usual = _usual(dot, emotion)
        if usual is None:
            continue
        # Halfway is rounded to a millisecond on either side.
        if runs and 0 <= begin - runs[-1][-1][1] <= 1:
            runs[-1].append((begin, end, *usual))
        else:
            runs.append([(begin, end, *usual)])
    return runs


def _stretches(dots: Sequence[TrendDot]) -> Iterator[tuple[TrendDot, int, int]]:
    """Yield each recording that was judged with the two moments between which its range is drawn.

    They lie halfway to the judged neighbours of the same line; where there is none, as far on the one side as on the
    other, or a day and a half. Never farther than halfway to a recording of another line, which has its own range.
    """
    places = {dot.recording_id: place for place, dot in enumerate(dots)}
    lines: dict[str, list[TrendDot]] = {}
    for dot in dots:
        if dot.usual_low is not None:
            lines.setdefault(dot.model, []).append(dot)
    for line in lines.values():
        at = [dot.at_ms for dot in line]
        for number, dot in enumerate(line):
            before = (at[number] - at[number - 1]) // 2 if number else None
            after = (at[number + 1] - at[number]) // 2 if number + 1 < len(at) else None
            left, right = (before if before is not None else after), (after if after is not None else before)
            before_ms, after_ms = _room(dots, places[dot.recording_id])
            yield dot, at[number] - min(left or REACH_MS, before_ms), at[number] + min(right or REACH_MS, after_ms)


def _room(dots: Sequence[TrendDot], place: int) -> tuple[int, int]:
    """Return how far it is halfway to the neighbours of another line, before and after a recording."""
    near = [dots[other] if 0 <= other < len(dots) else None for other in (place - 1, place + 1)]
    own = dots[place]
    before, after = (
        abs(own.at_ms - other.at_ms) // 2 if other is not None and other.model != own.model else MOST_MS
        for other in near
    )
    return before, after


def _note(dot: TrendDot, emotion: int) -> str:
    """Return what is said when the pointer rests on a recording."""
    if dot.shares is None:
        return ""
    parts = [dot.called, f"{dot.shares[emotion]:.0%} of the {dot.basis}"]
    if dot.low is not None and dot.high is not None:
        parts.append(f"95 % interval {dot.low[emotion]:.0%} to {dot.high[emotion]:.0%}")
    if dot.excluded is not None:
        parts.append(f"Does not count: {dot.excluded}")
    usual = _usual(dot, emotion)
    if usual is not None:
        parts.append(f"Usual range {usual[0]:.0%} to {usual[1]:.0%}")
    if emotion in dot.outside:
        parts.append("Outside this patient's usual range")
    return "<br>".join(parts)


def _look(column: int) -> tuple[str, str]:
    """Return the colour and the symbol of a column; uncertain has a grey star, several together a hexagon."""
    if column >= len(Emotion):
        return (UNCERTAIN, "star") if column == len(Emotion) else (TOGETHER, "hexagon")
    return COLORS[Emotion(column)], SYMBOLS[Emotion(column)]


def _symbol(name: str, dot: TrendDot) -> str:
    return f"{name}-open" if dot.excluded is not None else name


def _ms(day: date) -> int:
    """Return the day's start as Plotly counts time: milliseconds since 1970."""
    return (day - date(1970, 1, 1)).days * 86_400_000


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _highest(dot: TrendDot, shown: Sequence[int]) -> list[float]:
    source = dot.high if dot.high is not None and dot.excluded is None else dot.shares
    found = [source[emotion] for emotion in shown] if source is not None else []
    return found + [usual[1] for usual in (_usual(dot, emotion) for emotion in shown) if usual is not None]


def _usual(dot: TrendDot, column: int) -> tuple[float, float] | None:
    """Return the range that a recording was judged by, None where it, or the column, was not judged."""
    if dot.usual_low is None or dot.usual_high is None or column >= len(dot.usual_low):
        return None
    return dot.usual_low[column], dot.usual_high[column]


def _top(values: Sequence[float]) -> float:
    """Return a round upper end of an axis of shares that holds all values."""
    return min(1.0, max(0.1, math.ceil(max(values, default=0.1) * 1.08 * 10) / 10))
