"""Trainings drawn: how a data set is spread over the classes, and runs side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from fer_core.emotions import EMOTION_LABELS, Emotion
from pages.charts.palette import COLORS, DASHES, UNCERTAIN
from pages.charts.trend import plain, title

SPLIT_COLORS = {"Training": COLORS[Emotion.SAD], "PublicTest": COLORS[Emotion.HAPPY], "PrivateTest": UNCERTAIN}
_LINES = list(zip(COLORS.values(), DASHES.values(), strict=True))


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
            x=[epoch["epoch"] for epoch in epochs], y=[epoch["public_accuracy"] for epoch in epochs], name=name,
            mode="lines+markers", marker={"size": 4}, line={"color": color, "dash": dash},
            hovertemplate=name + ", epoch %{x}: %{y:.1%}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title="Accuracy on PublicTest", tickformat=".0%")
    return plain(figure, 320).update_layout(showlegend=True, hovermode="closest")


def tried_figure(tried: Sequence[Mapping[str, float]], names: Mapping[str, str], best: Sequence[float]) -> go.Figure:
    """Draw runs as lines through their hyper-parameters to the best accuracy, the last axis (0 to 1).

    `tried`: the values of each run by name; `names`: what those that are drawn are called.
    """
    axes = [{"label": label, "values": [run[key] for run in tried]} for key, label in names.items()]
    axes.append({"label": "Best accuracy", "values": list(best), "tickformat": ".0%"})
    scale = [[0, "#A3C9CE"], [1, "#164F56"]]
    figure = go.Figure(go.Parcoords(dimensions=axes, line={"color": list(best), "colorscale": scale}))
    return plain(figure, 340).update_layout(margin={"t": 60, "l": 70, "r": 70, "b": 30})
