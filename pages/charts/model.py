"""How good a model is, drawn: confusion matrix, how far its outputs can be trusted, and training curves. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fer_core.emotions import Emotion
from pages.charts.axis import plotly_text
from pages.charts.figures import Names, plain, title
from pages.charts.palette import COLORS, LINE, UNCERTAIN

FEW_EPOCHS = 10
"""Up to so many have a point each: the line of the first one alone would be nothing."""


def confusion_figure(counts: Sequence[Sequence[int]], names: Names, printed: str = "count") -> go.Figure:
    """Draw a confusion matrix: rows are the true labels, each cell is coloured by its share of the row.

    `printed`: what stands in a cell, ``"count"`` or ``"share"``.
    """
    shares = [[cell / total if (total := sum(row)) else math.nan for cell in row] for row in counts]
    text = [
        [(f"{n:,}" if printed == "count" else f"{share:.1%}") if n else "" for n, share in zip(*rows, strict=True)]
        for rows in zip(counts, shares, strict=True)
    ]
    labels = [title(names[emotion]) for emotion in Emotion]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=labels, y=labels, text=text, texttemplate="%{text}", zmin=0, zmax=1, xgap=2, ygap=2,
            # Light enough throughout that one dark colour of its numbers can be read on all of it.
            colorscale=[[0, "#EDF3F4"], [1, "#4FA3AC"]], textfont={"color": "#0E161B"},
            colorbar={"title": "of the row", "tickformat": ".0%"},
            customdata=counts,
            hovertemplate="true %{y}, given %{x}: %{customdata:,}, %{z:.1%} of the row<extra></extra>",
        )
    )  # fmt: skip
    # A heat map's cells can't be chosen: what is clicked are marks above them, which nobody sees.
    cells = [(true, given) for true in Emotion for given in Emotion]
    figure.add_scatter(
        x=[labels[given] for _, given in cells], y=[labels[true] for true, _ in cells],
        customdata=[[int(true), int(given), counts[true][given], shares[true][given]] for true, given in cells],
        mode="markers", marker={"symbol": "square", "size": 34, "opacity": 0},
        unselected={"marker": {"opacity": 0}}, selected={"marker": {"opacity": 0.35, "color": COLORS[Emotion.ANGRY]}},
        hovertemplate="true %{y}, given %{x}: %{customdata[2]:,}, %{customdata[3]:.1%} of the row<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", title="True label", showgrid=False, fixedrange=True)
    figure.update_xaxes(side="top", title="Label given by the model", showgrid=False, fixedrange=True)
    plain(figure, 520)
    return figure.update_layout(margin={"t": 90, "l": 10, "r": 10, "b": 10}, hovermode="closest")


class Shares(Protocol):
    """What is drawn of an expression: shares, 0 to 1."""

    @property
    def emotion(self) -> Emotion: ...
    @property
    def right(self) -> float: ...
    @property
    def other(self) -> float: ...
    @property
    def uncertain(self) -> float: ...
    @property
    def right_95(self) -> tuple[float, float]: ...


def classes_figure(figures: Sequence[Shares], names: Names) -> go.Figure:
    """Draw what becomes of each expression's faces: this label with its interval, another label, none."""
    labels = [title(names[found.emotion]) for found in figures]
    figure = go.Figure()
    parts = (
        ("this label", [found.right for found in figures], COLORS[Emotion.SAD]),
        ("another label", [found.other for found in figures], COLORS[Emotion.ANGRY]),
        ("uncertain", [found.uncertain for found in figures], UNCERTAIN),
    )
    for name, shares, color in parts:
        figure.add_bar(
            y=labels, x=shares, name=name, orientation="h", marker={"color": color},
            hovertemplate="%{y}, " + name + ": %{x:.1%}<extra></extra>",
        )  # fmt: skip
    # A bar's own interval would lie behind the bar beside it.
    reach = _reach([found.right for found in figures], [found.right_95 for found in figures])
    figure.add_scatter(
        y=labels, x=[found.right for found in figures], mode="markers", error_x=reach,
        marker={"color": "#1E2A32", "size": 4}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", range=[0, 1], title="of the faces that people call so, with 95 % interval")
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 320).update_layout(barmode="stack", showlegend=True, hovermode="closest")


def robustness_figure(agreement: Mapping[str, tuple[float, tuple[float, float]]], undisturbed: float) -> go.Figure:
    """Draw the agreement, 0 to 1, under each disturbance with its 95 % interval, the least harmful at the top.

    A line is where no picture is disturbed.
    """
    found = sorted(agreement.items(), key=lambda one: -one[1][0])
    shares = [share for _, (share, _) in found]
    limits = [limits for _, (_, limits) in found]
    figure = go.Figure(
        go.Bar(
            y=[name for name, _ in found], x=shares, orientation="h", marker={"color": COLORS[Emotion.SAD]},
            error_x=_reach(shares, limits), customdata=limits,
            hovertemplate="%{y}: %{x:.1%} (95 % interval %{customdata[0]:.1%} to %{customdata[1]:.1%})<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=undisturbed, line={"color": LINE, "dash": "dash", "width": 1.5})
    title = "agreement when pictures are disturbed, with 95 % intervals; dashed line: undisturbed"
    figure.update_xaxes(tickformat=".0%", range=[0, 1], title=title)
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 380).update_layout(hovermode="closest")


def models_figure(models: Sequence[tuple[str, float, float]]) -> go.Figure:
    """Draw agreement and macro F1, in percent, of each model, the first at the top."""
    figure = go.Figure()
    for name, column, color in (("agreement", 1, COLORS[Emotion.SAD]), ("macro F1", 2, UNCERTAIN)):
        figure.add_bar(
            y=[plotly_text(model[0]) for model in models], x=[model[column] for model in models], name=name,
            orientation="h", marker={"color": color}, hovertemplate="%{y}, " + name + ": %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(range=[0, 100], ticksuffix=" %")
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 380).update_layout(barmode="group", showlegend=True, hovermode="closest")


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
        mode = "lines" if len(x) > FEW_EPOCHS else "lines+markers"
        figure.add_scatter(x=x, y=y, name=name, mode=mode, line=line, showlegend=column == 1, row=1, col=column)
    whole_epochs(figure, max((row["epoch"] for row in curves if "epoch" in row), default=0))
    figure.update_yaxes(tickformat=".1%", rangemode="nonnegative", maxallowed=1, col=2)
    return plain(figure, 320).update_layout(showlegend=True)


def whole_epochs(figure: go.Figure, most: float) -> None:
    """Name the axes of epochs up to `most`: the first ones have a tick each, and none lies between two."""
    figure.update_xaxes(title="Epoch", **({"tick0": 0, "dtick": 1} if most <= FEW_EPOCHS else {}))


def _reach(shares: Sequence[float], limits: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    """Return how far intervals reach beyond shares, as Plotly draws it."""
    return {
        "array": [high - share for share, (_, high) in zip(shares, limits, strict=True)],
        "arrayminus": [share - low for share, (low, _) in zip(shares, limits, strict=True)],
    }
