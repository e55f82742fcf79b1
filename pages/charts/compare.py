"""The shares of two recordings beside each other, on one scale. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from fer_core.reading.reading import Reading
from pages.charts.trend import plain, title

SYMBOLS, COLORS = ("circle", "diamond-open"), ("#2A7DB8", "#D55E00")


def compare_figure(readings: Mapping[str, Reading], names: Mapping[int, str]) -> go.Figure:
    """Draw each label's share of the usable time in two recordings, with its 95 % interval where it is known.

    `readings`: by what each recording is called, the first one filled; `names`: of the columns of shares.
    """
    labels = [title(name) for name in names.values()]
    figure = go.Figure()
    for place, (called, reading) in enumerate(readings.items()):
        known = reading.interval_known
        above = [high - share for high, share in zip(reading.high, reading.shares, strict=True)] if known else None
        below = [share - low for low, share in zip(reading.low, reading.shares, strict=True)] if known else None
        figure.add_scatter(
            x=reading.shares, y=[number + (0.13, -0.13)[place] for number in range(len(labels))], mode="markers",
            name=called, marker={"symbol": SYMBOLS[place], "size": 11, "color": COLORS[place]},
            error_x={"array": above, "arrayminus": below, "symmetric": False} if known else None,
            text=labels, hovertemplate="%{text}: %{x:.0%}<extra>" + called + "</extra>",
        )  # fmt: skip
    highest = max((max(one.high if one.interval_known else one.shares) for one in readings.values()), default=1.0)
    figure.update_xaxes(range=[0, min(1.0, highest * 1.1 + 0.02)], tickformat=".0%", nticks=6, fixedrange=True)
    figure.update_yaxes(tickvals=list(range(len(labels))), ticktext=labels, autorange="reversed", fixedrange=True)
    plain(figure, 340)
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.12, "x": 0})
