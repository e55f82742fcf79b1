"""The whole history as a strip: a column for each recording, darker where an expression took more of the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import plotly.graph_objects as go

from pages.charts.axis import day_text
from pages.charts.figures import plain, title
from pages.charts.palette import LINE
from pages.charts.trend import TrendDot

STRIP_PX = 700
"""About how wide the strip of the whole history is."""


def heat_figure(dots: Sequence[TrendDot], names: Mapping[int, str]) -> go.Figure:
    """Draw the whole history as a strip: a column for each recording, a row for each expression, darker for more.

    The columns stand side by side in the order of time, whatever the time between them; what doesn't count is empty.
    A line stands where comparison ends, as on the axis.
    """
    columns = sorted(names)
    rows = [title(names[column]) for column in columns]
    counted = [dot.shares if dot.excluded is None else None for dot in dots]
    figure = go.Figure(
        go.Heatmap(
            z=[[shares[column] if shares else None for shares in counted] for column in columns],
            y=rows,
            x=list(range(len(dots))),
            colorscale="Blues",
            zmin=0,
            colorbar={"tickformat": ".0%", "thickness": 10, "len": 1.0, "title": {"text": "Share", "side": "top"}},
            hoverinfo="skip",
        )
    )
    _draw_cells(figure, dots, counted, dict(zip(columns, rows, strict=True)))
    for number, (before, after) in enumerate(pairwise(dots)):
        if before.model != after.model:
            figure.add_vline(x=number + 0.5, line={"color": LINE, "width": 2})
    every = max(1, len(dots) // 7)
    shown = list(range(0, len(dots), every))
    figure.update_xaxes(tickvals=shown, ticktext=[day_text(dots[place].recorded_on) for place in shown], showgrid=False)
    figure.update_xaxes(range=[-0.5, len(dots) - 0.5])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return plain(figure, 22 * len(columns) + 60).update_layout(hovermode="closest")


def _draw_cells(
    figure: go.Figure, dots: Sequence[TrendDot], counted: Sequence[tuple[float, ...] | None], rows: Mapping[int, str]
) -> None:
    """Draw marks over the cells of a strip, which nobody sees: a heat map's own cells can't be clicked."""
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=[number for _ in rows for number in range(len(dots))],
        y=[row for row in rows.values() for _ in dots],
        customdata=[
            [dot.recording_id, f"{number}: {dot.called}", f"{shares[column]:.0%}" if shares else "does not count"]
            for column in rows
            for number, (dot, shares) in enumerate(zip(dots, counted, strict=True), 1)
        ],
        mode="markers",
        marker={"symbol": "square", "size": max(4, min(20, round(STRIP_PX / max(1, len(dots))))), "opacity": 0},
        selected=unseen,
        unselected=unseen,
        hovertemplate="%{customdata[1]}<br>%{y} %{customdata[2]}<extra></extra>",
    )
