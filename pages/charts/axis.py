"""One axis of time for a patient: questionnaires with their bands above, expressions below, marks across both."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pages.charts import trend
from pages.charts.figures import plain, title
from pages.charts.palette import LINE, USABLE_SHARE
from pages.charts.trend import DATE_FORMAT, TrendDot

DAY_MS = 86_400_000
SCALE_PX, SHARE_PX, BETWEEN_PX = 125, 95, 30
"""How high a panel is, and what all of them together have beyond that. The first fits PHQ-9's five names."""
BUTTONS_PX, DATES_PX, BRUSH_PX, TITLE_PX, BELOW_PX = 44, 15, 30, 34, 32
"""From the top: the range buttons; the dates, in what Plotly leaves free above a brush; the brush; the title of the
first panel, with the marks' symbols. Below the panels: their dates."""
BRUSH_AXES = "90"
"""The brush has its own axes, so that it stands above the panels: below six of them a laptop's first screen ends."""
TICKS_APART = 0.18
"""Share of a questionnaire's range under which two numbers beside it would overprint each other."""
ANSWERED = "#6A5ACD"
"""Totals of questionnaires: a colour of no expression."""
BAND_FILLS = ("rgba(128, 128, 128, 0.04)", "rgba(128, 128, 128, 0.13)")
"""Severity bands in turn: greys, because no colour means bad."""
BAND_PX, BAND_LETTERS = 118, 19
"""Room for the bands' names beside a panel, and how many of their letters fit into a line of it."""
MARKS = {"medication": ("diamond", "dash"), "session": ("circle", "dot"), "event": ("square", "dashdot")}
"""The symbol and the line of each kind of mark."""
YEAR, LONG = timedelta(days=365), 60
"""With so many recordings the last year is shown at first."""
RANGES = ((3, "3 months"), (12, "12 months"))
AFTER = timedelta(days=7)
"""The most that is empty after the last day: the range buttons count back from there."""


@dataclass(frozen=True, slots=True)
class ScaleDot:
    """A questionnaire that was answered; `note` is said when the pointer rests on it."""

    answered_on: date
    total: float
    note: str


@dataclass(frozen=True, slots=True)
class ScalePanel:
    """One questionnaire over time: its range, its bands (lowest total and name, rising), and its answers in time."""

    name: str
    lowest: float
    highest: float
    bands: Sequence[tuple[float, str]]
    dots: Sequence[ScaleDot]


@dataclass(frozen=True, slots=True)
class AxisMark:
    """A mark across all panels: its `kind` is one of `MARKS`."""

    happened_on: date
    kind: str
    text: str


def axis_figure(
    panels: Sequence[ScalePanel],
    dots: Sequence[TrendDot],
    shown: Sequence[int],
    names: Mapping[int, str],
    changes: Sequence[tuple[date, str]] = (),
    marks: Sequence[AxisMark] = (),
    movement: bool = False,
) -> go.Figure:
    """Draw questionnaires on top, below them usable time and one panel for each column of `shown`, over one axis.

    Breaks, hollow points and usual ranges are those of `trend.share_panels`. The range buttons and the brush at the
    top choose what is seen; a click on a recording's point gives its id (the first of its custom data). `movement`:
    whether a last panel shows how much the face moved.
    """
    below = [*(title(names[column]) for column in shown), *(["Movement of the face"] if movement else [])]
    share_names = ["Usable face time", *below] if dots else []
    titles = [*(plotly_text(panel.name) for panel in panels), *share_names]
    heights = [SCALE_PX] * len(panels) + [SHARE_PX] * len(share_names)
    rows = max(1, len(titles))
    figure = make_subplots(
        rows=rows,
        shared_xaxes=True,
        vertical_spacing=min(0.07, 0.3 / rows),
        subplot_titles=titles,
        row_heights=heights or None,
    )
    for row, panel in enumerate(panels, 1):
        _scale_panel(figure, row, panel, _span(panels, dots))
    if dots:
        trend.share_panels(figure, len(panels) + 1, dots, shown, names)
        if movement:
            trend.movement_panel(figure, len(panels) + 2 + len(shown), dots)
    _draw_changes(figure, changes, dots, len(panels) + 1, rows)
    _draw_marks(figure, marks)
    inside = (sum(heights) or SHARE_PX) + BETWEEN_PX + DATES_PX + BRUSH_PX + TITLE_PX
    _layout(figure, panels, dots, marks, inside)
    plain(figure, inside + BUTTONS_PX + BELOW_PX)
    return figure.update_layout(margin={"t": BUTTONS_PX, "b": BELOW_PX, "r": BAND_PX if panels else 12})


def _scale_panel(figure: go.Figure, row: int, panel: ScalePanel, span: tuple[date, date]) -> None:
    """Draw one questionnaire: its bands as stripes with their names, its totals as a line."""
    figure.add_scatter(
        x=[ms(dot.answered_on) for dot in panel.dots],
        y=[dot.total for dot in panel.dots],
        customdata=[["", dot.note] for dot in panel.dots],
        mode="lines+markers",
        name=plotly_text(panel.name),
        line={"color": ANSWERED, "width": 2},
        marker={"color": ANSWERED, "size": 9, "symbol": "diamond"},
        cliponaxis=False,
        hovertemplate="%{customdata[1]}<extra></extra>",
        row=row,
        col=1,
    )
    room = (panel.highest - panel.lowest) * trend.ROOM
    ends = [*(least for least, _ in panel.bands[1:]), panel.highest + room]
    for number, ((least, label), end) in enumerate(zip(panel.bands, ends, strict=False)):
        bottom = least if number else panel.lowest - room
        figure.add_hrect(
            y0=bottom, y1=end, fillcolor=BAND_FILLS[number % 2], line_width=0, layer="below", row=row, col=1
        )
        figure.add_annotation(
            x=1.01, xref="x domain", y=(bottom + end) / 2, text=_in_lines(label), showarrow=False, xanchor="left",
            align="left", font_size=11, opacity=0.75, row=row, col=1,
        )  # fmt: skip
    figure.update_yaxes(
        range=[panel.lowest - room, panel.highest + room], tickvals=scale_ticks(panel), showgrid=False, row=row
    )
    if span[0] == span[1]:
        figure.update_xaxes(range=[ms(span[0] - timedelta(3)), ms(span[0] + timedelta(3))], row=row)


def scale_ticks(panel: ScalePanel) -> list[float]:
    """Return the totals written beside a questionnaire: its ends, and each band's lowest where there is room."""
    apart = (panel.highest - panel.lowest) * TICKS_APART
    ticks = [panel.lowest]
    for least, _ in panel.bands[1:]:
        if least - ticks[-1] >= apart and panel.highest - least >= apart:
            ticks.append(least)
    return [*ticks, panel.highest]


def _in_lines(label: str) -> str:
    """Return a band's name in lines that fit beside the panel."""
    return "<br>".join(map(plotly_text, textwrap.wrap(label, BAND_LETTERS)))


def _draw_changes(
    figure: go.Figure, changes: Sequence[tuple[date, str]], dots: Sequence[TrendDot], first: int, rows: int
) -> None:
    """Draw a line through the panels of expressions where comparison ends, with the reason."""
    for (_, what), at in zip(changes, _borders(changes, dots), strict=True):
        for row in range(first, rows + 1):
            figure.add_vline(x=at, line={"color": LINE, "dash": "dot", "width": 1.5}, row=row, col=1)
        figure.add_annotation(
            x=at, y=1.0, yref="y domain", text=what, showarrow=False, xanchor="right", yanchor="bottom",
            row=first, col=1,
        )  # fmt: skip


def _borders(changes: Sequence[tuple[date, str]], dots: Sequence[TrendDot]) -> list[int]:
    """Return where each change is drawn: at the beginning of its day, or between two recordings of that day."""
    found = {}
    for before, after in pairwise(dots):
        if before.model != after.model and before.recorded_on == after.recorded_on:
            found[after.recorded_on] = (before.at_ms + after.at_ms) // 2
    return [found.get(day, ms(day)) for day, _ in changes]


def _draw_marks(figure: go.Figure, marks: Sequence[AxisMark]) -> None:
    """Draw each mark as a line through all panels, with its symbol on top; its text appears under the pointer."""
    for mark in marks:
        figure.add_vline(x=ms(mark.happened_on), line={"color": LINE, "dash": MARKS[mark.kind][1], "width": 1})
    for kind, (symbol, _) in MARKS.items():
        found = [mark for mark in marks if mark.kind == kind]
        if found:
            figure.add_scatter(
                x=[ms(mark.happened_on) for mark in found],
                y=[1.0] * len(found),
                yaxis="y99",
                customdata=[["", f"{day_text(mark.happened_on)}<br>{plotly_text(mark.text)}"] for mark in found],
                mode="markers",
                name=kind,
                marker={"symbol": symbol, "size": 12, "color": LINE, "line": {"width": 1, "color": "#FFFFFF"}},
                hovertemplate="%{customdata[1]}<extra></extra>",
                cliponaxis=False,
            )
    if marks:
        top = figure.layout.yaxis.domain[1]
        figure.update_layout(
            yaxis99={
                "domain": [min(0.999, top), 1.0],
                "range": [0, 1],
                "visible": False,
                "anchor": "x",
                "fixedrange": True,
            }
        )


def _layout(
    figure: go.Figure, panels: Sequence[ScalePanel], dots: Sequence[TrendDot], marks: Sequence[AxisMark], inside: int
) -> None:
    """Lay the axis of dates out: a margin on both sides, and above it buttons and a brush to choose a stretch.

    `inside`: the height in px of all that lies between the margins.
    """
    first, last = _span(panels, dots)
    days = [mark.happened_on for mark in marks]
    first, last = min([first, *days]), max([last, *days])
    margin = timedelta(max(3, (last - first).days // 40))
    whole = [ms(first - margin), ms(last + margin)]
    end = ms(last + min(margin, AFTER))
    # A long history opens at its last year; the strip below has all of it.
    begin = max(whole[0], ms(last - YEAR)) if len(dots) > LONG else whole[0]
    figure.update_xaxes(
        type="date",
        tickformat=DATE_FORMAT,
        hoverformat=DATE_FORMAT,
        nticks=7,
        range=[begin, end],
        # What the button of all shows: the browser adds months of nothing on both sides else.
        autorangeoptions={"clipmin": whole[0], "clipmax": end},
    )
    buttons = [{"count": count, "label": label, "step": "month", "stepmode": "backward"} for count, label in RANGES]
    figure.update_layout(
        xaxis={
            "rangeselector": {
                "buttons": [*buttons, {"step": "all", "label": "All"}],
                "bgcolor": "rgba(128, 128, 128, 0.15)",
                "activecolor": "rgba(128, 128, 128, 0.45)",
                "x": 1,
                "y": 1 + 12 / inside,
                "yanchor": "bottom",
                "xanchor": "right",
            }
        }
    )
    _lower(figure, 1 - (DATES_PX + BRUSH_PX + TITLE_PX) / inside)
    _draw_brush(figure, panels, dots, whole, BRUSH_PX / inside)


def _lower(figure: go.Figure, share: float) -> None:
    """Make room above the panels, which keep the lower `share` of the height."""
    for axis in figure.select_yaxes():
        axis.domain = [end * share for end in axis.domain or (0.0, 1.0)]
    for annotation in figure.layout.annotations:
        if annotation.yref == "paper":
            annotation.y *= share


def _draw_brush(
    figure: go.Figure, panels: Sequence[ScalePanel], dots: Sequence[TrendDot], whole: Sequence[int], thickness: float
) -> None:
    """Draw the whole time above the panels: a line for each questionnaire and, below it, one for each recording."""
    lines = {
        ANSWERED: (1, [ms(dot.answered_on) for panel in panels for dot in panel.dots]),
        USABLE_SHARE: (0, [dot.at_ms for dot in dots]),
    }
    for colour, (height, days) in ((colour, line) for colour, line in lines.items() if line[1]):
        figure.add_scatter(
            x=days,
            y=[height] * len(days),
            xaxis=f"x{BRUSH_AXES}",
            yaxis=f"y{BRUSH_AXES}",
            mode="markers",
            marker={"symbol": "line-ns", "size": 9, "line": {"width": 1.5, "color": colour}},
            hoverinfo="skip",
        )
    *_, bottom = figure.select_xaxes()
    figure.update_layout(
        {
            f"yaxis{BRUSH_AXES}": {"domain": [0.9997, 1], "range": [-0.8, 1.8], "visible": False, "fixedrange": True},
            f"xaxis{BRUSH_AXES}": {
                **{name: bottom[name] for name in ("type", "tickformat", "nticks", "range", "autorangeoptions")},
                "anchor": f"y{BRUSH_AXES}",
                "matches": bottom.matches or bottom.plotly_name.replace("axis", ""),
                "side": "top",
                "ticklabelposition": "inside",
                "showgrid": False,
                "rangeslider": {
                    "visible": True,
                    "thickness": thickness,
                    "bgcolor": "rgba(128, 128, 128, 0.1)",
                    "range": whole,
                },
            },
        }
    )


def _span(panels: Sequence[ScalePanel], dots: Sequence[TrendDot]) -> tuple[date, date]:
    """Return the first and the last day of recordings and questionnaires."""
    days = [dot.recorded_on for dot in dots] + [dot.answered_on for panel in panels for dot in panel.dots]
    return (min(days), max(days)) if days else (date(2000, 1, 1), date(2000, 1, 1))


def plotly_text(text: str) -> str:
    """Return text that someone typed so that Plotly takes nothing of it for markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # In what is shown beside a point, a value would take the place of this.
    return escaped.replace("%{", "%&#123;")


def day_text(day: date) -> str:
    """Return a date as people read it."""
    return f"{day.day} {day:%b %Y}"


def ms(day: date) -> int:
    """Return the day's start as Plotly counts time: milliseconds since 1970."""
    return (day - date(1970, 1, 1)).days * DAY_MS
