"""The shares of two recordings beside each other, on one scale. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fer_core.emotions import Emotion
from fer_core.reading.reading import Reading
from pages.charts.figures import plain, title
from pages.charts.palette import COLORS as LABEL_COLORS
from pages.charts.palette import DASHES
from pages.charts.timeline import Cell

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


def compare_curves(
    recordings: Mapping[str, Sequence[Cell]], names: Mapping[Emotion, str], shown: Collection[Emotion]
) -> go.Figure:
    """Draw the curves of two recordings side by side, from their beginnings, on the same scales of time and output.

    `recordings`: by what each is called; `shown`: the expressions that are drawn at first, the others by the legend.
    """
    figure = make_subplots(
        1, len(recordings), shared_yaxes=True, subplot_titles=list(recordings), horizontal_spacing=0.03
    )
    longest_s = max((found[-1].end_s for found in recordings.values() if found), default=1.0)
    for column, found in enumerate(recordings.values(), start=1):
        for emotion in Emotion:
            values = [cell.probabilities[emotion] if cell.probabilities else None for cell in found]
            figure.add_scatter(
                x=[(cell.begin_s + cell.end_s) / 120 for cell in found], y=values, mode="lines", connectgaps=False,
                name=title(names[emotion]), legendgroup=title(names[emotion]), showlegend=column == 1,
                line={"color": LABEL_COLORS[emotion], "width": 1.5, "dash": DASHES[emotion]},
                visible=True if emotion in shown else "legendonly",
                hovertemplate="%{x:.1f} min: %{y:.0%}", row=1, col=column,
            )  # fmt: skip
    figure.update_xaxes(range=[0, longest_s / 60], title="Minutes", nticks=6, fixedrange=True)
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%", nticks=5, fixedrange=True)
    plain(figure, 320)
    return figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": -0.28, "x": 0}, margin={"l": 8, "r": 8, "t": 36, "b": 8}
    )
