"""How good a model is, drawn: confusion matrix, how far its outputs can be trusted, and training curves. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fer_core.emotions import Emotion
from pages.charts.palette import COLORS, LINE
from pages.charts.trend import Names, plain, title


def confusion_figure(counts: Sequence[Sequence[int]], names: Names) -> go.Figure:
    """Draw a confusion matrix: rows are the true labels, each coloured by its share and printed with its count."""
    shares = [[cell / total if (total := sum(row)) else math.nan for cell in row] for row in counts]
    text = [
        [f"{n}<br>{share:.0%}" if n else "" for n, share in zip(*rows, strict=True)]
        for rows in zip(counts, shares, strict=True)
    ]
    labels = [title(names[emotion]) for emotion in Emotion]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=labels, y=labels, text=text, texttemplate="%{text}", zmin=0, zmax=1, xgap=2, ygap=2,
            colorscale=[[0, "#EDF3F4"], [0.5, "#A3C9CE"], [1, "#164F56"]],
            colorbar={"title": "of the row", "tickformat": ".0%"},
            hovertemplate="true %{y}, given %{x}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", title="True label", showgrid=False, fixedrange=True)
    figure.update_xaxes(side="top", title="Label given by the model", showgrid=False, fixedrange=True)
    plain(figure, 520)
    return figure.update_layout(margin={"t": 90, "l": 10, "r": 10, "b": 10}, hovermode="closest")


def trust_figure(diagram: Sequence[Sequence[float]], risk: Sequence[Sequence[float]], coverage: float) -> go.Figure:
    """Draw the reliability diagram on the left and the risk-coverage curve on the right.

    `diagram`: rows of bin, mean output, share of right labels, pictures; `risk`: rows of coverage and share of wrong
    labels; `coverage`: the share of faces that get a label.
    """
    titles = ["Right labels by model output", "Wrong labels, by how many faces get one"]
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": LINE, "dash": "dot"}, hoverinfo="skip")
    _, outputs, right, pictures = zip(*diagram, strict=True)
    figure.add_scatter(
        x=outputs, y=right, customdata=pictures, mode="lines+markers", line={"color": COLORS[Emotion.SAD]},
        hovertemplate="output %{x:.0%}: %{y:.0%} right of %{customdata:,} pictures<extra></extra>", row=1, col=1,
    )  # fmt: skip
    shares, wrong = zip(*risk, strict=True)
    figure.add_scatter(
        x=shares, y=wrong, mode="lines", line={"color": COLORS[Emotion.SAD]},
        hovertemplate="%{x:.0%} get a label: %{y:.1%} wrong<extra></extra>", row=1, col=2,
    )  # fmt: skip
    figure.add_vline(x=coverage, line={"color": LINE, "dash": "dot"}, row=1, col=2)
    figure.update_xaxes(title="Highest output", row=1, col=1)
    figure.update_xaxes(title="Share of faces with a label", row=1, col=2)
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return plain(figure, 340)


def training_figure(curves: Sequence[Mapping[str, float]]) -> go.Figure:
    """Draw the training's curves: losses on the left, accuracy on the pictures kept for choosing on the right."""
    figure = make_subplots(cols=2, subplot_titles=["Loss", "Accuracy on PublicTest"], horizontal_spacing=0.1)
    lines = (
        ("train_loss", "training pictures", 1, "dash", COLORS[Emotion.HAPPY]),
        ("public_loss", "PublicTest", 1, "solid", COLORS[Emotion.SAD]),
        ("public_accuracy", "PublicTest", 2, "solid", COLORS[Emotion.SAD]),
    )
    for key, name, column, dash, color in lines:
        known = [(row["epoch"], row[key]) for row in curves if key in row and "epoch" in row]
        if not known:
            continue
        x, y = zip(*known, strict=True)
        line = {"color": color, "dash": dash}
        figure.add_scatter(x=x, y=y, name=name, mode="lines", line=line, showlegend=column == 1, row=1, col=column)
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(tickformat=".1%", col=2)
    return plain(figure, 320).update_layout(showlegend=True)
