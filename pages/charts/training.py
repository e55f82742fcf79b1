"""Trainings drawn: how a data set is spread over the classes, and runs side by side. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from fer_core.emotions import EMOTION_LABELS, Emotion
from pages.charts.axis import plotly_text
from pages.charts.figures import plain, title
from pages.charts.model import whole_epochs
from pages.charts.palette import COLORS, DASHES, LINE, UNCERTAIN

SPLIT_COLORS = {"Training": COLORS[Emotion.SAD], "PublicTest": COLORS[Emotion.HAPPY], "PrivateTest": UNCERTAIN}
_LINES = list(zip(COLORS.values(), DASHES.values(), strict=True))
_ACCURACY = ["#B9772E", "#8A979E", "#2E8C97"]
"""From the worst to the best: the colour-blind tell them apart, and none is lost on a light or a dark page."""


def balance_figure(classes: Mapping[str, Mapping[str, int]]) -> go.Figure:
    """Draw how many pictures each class has. `classes`: counts by split and class."""
    figure = go.Figure()
    labels = [title(label) for label in EMOTION_LABELS]
    for split, counts in classes.items():
        figure.add_bar(
            y=labels, x=[counts[label] for label in EMOTION_LABELS], name=split, orientation="h",
            marker={"color": SPLIT_COLORS[split]}, hovertemplate="%{y}, " + split + ": %{x:,}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="pictures")
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 320).update_layout(barmode="stack", showlegend=True, hovermode="closest")


def runs_figure(runs: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> go.Figure:
    """Draw the accuracy on PublicTest of several runs over their epochs. `runs`: names and curves."""
    figure = go.Figure()
    for number, (name, epochs) in enumerate(runs):
        color, dash = _LINES[number % len(_LINES)]
        figure.add_scatter(
            x=[epoch["epoch"] for epoch in epochs], y=[epoch["public_accuracy"] for epoch in epochs],
            name=plotly_text(name), mode="lines+markers", marker={"size": 4}, line={"color": color, "dash": dash},
            hovertemplate=plotly_text(name) + ", epoch %{x}: %{y:.1%}<extra></extra>",
        )  # fmt: skip
    whole_epochs(figure, max((len(epochs) for _, epochs in runs), default=0))
    figure.update_yaxes(title="Accuracy on PublicTest", tickformat=".0%", rangemode="nonnegative", maxallowed=1)
    return plain(figure, 320).update_layout(showlegend=True, hovermode="closest")


def tried_figure(
    runs: Sequence[str],
    tried: Sequence[Mapping[str, float]],
    names: Mapping[str, str],
    best: Sequence[float],
    by_factors: Collection[str] = (),
) -> go.Figure:
    """Draw runs as lines through their hyper-parameters to the best accuracy (0 to 1), the last axis and the colour.

    `runs`: their names; `tried`: the values of each by name; `names`: what the values that are drawn are called;
    `by_factors`: those with a logarithmic axis. The best run is drawn last and thick.
    """
    # By hand: Plotly's own parallel coordinates need WebGL, which many a clinic's computer hasn't got.
    axes = [(label, [run[key] for run in tried], "{:g}", key in by_factors) for key, label in names.items()]
    axes.append(("Best accuracy", list(best), "{:.1%}", False))
    figure = go.Figure()
    worst_first = sorted(range(len(best)), key=lambda number: best[number])
    for number in worst_first:
        color = sample_colorscale(_ACCURACY, [_place(best, number)])[0]
        figure.add_scatter(
            x=[label for label, *_ in axes], y=[_place(values, number, log) for _, values, _, log in axes],
            text=[shown.format(values[number]) for _, values, shown, _ in axes], mode="lines+markers",
            line={"color": color, "width": 5 if number == worst_first[-1] else 2}, marker={"color": color},
            name=plotly_text(runs[number]), hovertemplate=plotly_text(runs[number]) + ", %{x}: %{text}<extra></extra>",
        )  # fmt: skip
    for label, values, shown, _ in axes:
        figure.add_annotation(x=label, y=-0.08, text=shown.format(min(values)), showarrow=False)
        figure.add_annotation(x=label, y=1.08, text=shown.format(max(values)), showarrow=False)
        # A grid's lines would cross the numbers.
        figure.add_shape(type="line", x0=label, x1=label, y0=0, y1=1, line={"color": LINE, "width": 1}, layer="below")
    figure.update_yaxes(visible=False, range=[-0.15, 1.15], fixedrange=True)
    figure.update_xaxes(showgrid=False, fixedrange=True)
    return plain(figure, 340).update_layout(hovermode="closest", margin={"l": 48, "r": 48})


def _place(values: Sequence[float], number: int, logarithmic: bool = False) -> float:
    """Return where on its axis a value lies, 0 for the least and 1 for the most."""
    if logarithmic and min(values) > 0:
        values = [math.log(value) for value in values]
    least, most = min(values), max(values)
    return (values[number] - least) / (most - least) if most > least else 0.5
