"""The shares of the labels in one recording, with their intervals. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from fer_core.emotions import Emotion
from fer_core.reading.reading import Reading
from pages.charts.palette import COLORS, LINE, UNCERTAIN
from pages.charts.trend import plain, title


def shares_figure(reading: Reading, names: Mapping[Emotion, str]) -> go.Figure:
    """Draw the share of the usable time that each label has, and where it is known its 95 % interval."""
    labels = [title(names[emotion]) for emotion in Emotion] + ["Uncertain"]
    interval = None
    if reading.interval_known:
        above = [high - share for high, share in zip(reading.high, reading.shares, strict=True)]
        below = [share - low for low, share in zip(reading.low, reading.shares, strict=True)]
        interval = {"array": above[::-1], "arrayminus": below[::-1], "symmetric": False, "color": LINE, "thickness": 2}
    figure = go.Figure(
        go.Bar(
            x=reading.shares[::-1],
            y=labels[::-1],
            error_x=interval,
            customdata=list(zip(reading.low, reading.high, strict=True))[::-1],
            orientation="h",
            marker_color=[*(COLORS[emotion] for emotion in Emotion), UNCERTAIN][::-1],
            hovertemplate="%{y}: %{x:.1%}"
            + (" (%{customdata[0]:.1%} to %{customdata[1]:.1%})" if reading.interval_known else "")
            + "<extra></extra>",
        )
    )
    highest = max(reading.high if reading.interval_known else reading.shares)
    figure.update_xaxes(range=[0, min(1.0, highest * 1.1 + 0.02)], tickformat=".0%", nticks=6, fixedrange=True)
    figure.update_yaxes(fixedrange=True, showgrid=False)
    return plain(figure, 300)
