"""The shares of the labels in one recording, with their intervals. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from fer_core.emotions import Emotion
from fer_core.reading.adjusted import Adjusted
from fer_core.reading.reading import Reading
from pages.charts.figures import plain, title
from pages.charts.palette import COLORS, LINE, UNCERTAIN


def shares_figure(reading: Reading, names: Mapping[Emotion, str], adjusted: Adjusted | None = None) -> go.Figure:
    """Draw the share of the usable time that each label has, and where it is known its 95 % interval.

    `adjusted` is drawn beside it, with its own interval.
    """
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
    if adjusted is not None:
        _add_adjusted(figure, adjusted, labels)
        highest = max(highest, float(adjusted.high.max()))
    figure.update_xaxes(range=[0, min(1.0, highest * 1.1 + 0.02)], tickformat=".0%", nticks=6, fixedrange=True)
    figure.update_yaxes(fixedrange=True, showgrid=False)
    return plain(figure, 300)


def _add_adjusted(figure: go.Figure, adjusted: Adjusted, labels: list[str]) -> None:
    """Draw the adjusted share of each expression as a diamond on the row of its label."""
    reach = {"array": adjusted.high - adjusted.shares, "arrayminus": adjusted.shares - adjusted.low, "symmetric": False}
    figure.add_scatter(
        x=adjusted.shares, y=labels[: len(Emotion)], mode="markers", name="adjusted",
        marker={"symbol": "diamond-open", "size": 10, "color": LINE, "line": {"width": 2}},
        error_x={**reach, "color": LINE, "thickness": 1},
        customdata=list(zip(adjusted.low, adjusted.high, strict=True)),
        hovertemplate="%{y}, adjusted: %{x:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})<extra></extra>",
    )  # fmt: skip
