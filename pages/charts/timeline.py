"""One recording over its own time: a strip of labels on top, curves of the model's probabilities below. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fer_core.emotions import Emotion
from fer_core.types import Status
from pages.charts.palette import COLORS, DASHES, UNCERTAIN, UNUSABLE
from pages.charts.trend import title

MAX_CELLS = 600
"""The most points that a curve has: a longer recording is averaged into this many cells."""
LONG_S = 180.0
"""From this length on the axis counts minutes."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One sample of the patient's face: `probabilities` in `Emotion` order, None where `status` is not usable."""

    time_s: float
    status: Status
    probabilities: tuple[float, ...] | None

    @property
    def label(self) -> Emotion | Status:
        """The label, or the status that says why there is none."""
        if self.status is not Status.OK or self.probabilities is None:
            return self.status
        return Emotion(max(range(len(Emotion)), key=self.probabilities.__getitem__))


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of a recording: its most frequent label or status, and the mean probabilities of its usable samples."""

    begin_s: float
    end_s: float
    label: Emotion | Status
    probabilities: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class LabelRun:
    """A stretch of one label: what it is called, the sentence on it, and its colour."""

    begin_s: float
    end_s: float
    name: str
    text: str
    color: str


def runs_of(gathered: Sequence[Cell], names: Mapping[Emotion, str], reasons: Mapping[str, str]) -> list[LabelRun]:
    """Return the strip's stretches, in the order of time."""
    return [
        LabelRun(run.begin_s, run.end_s, _group(run.label, names), _say(run, names, reasons), _color(run.label))
        for run in _runs(gathered)
    ]


def cells(moments: Sequence[Moment], most: int = MAX_CELLS) -> list[Cell]:
    """Gather samples in the order of time into at most about `most` cells of equal length; empty stretches have none.

    A recording with fewer samples than `most` keeps every sample as a cell of its own.
    """
    if not moments:
        return []
    step = _step(moments)
    length = moments[-1].time_s - moments[0].time_s + step
    width = max(step, length / most)
    found: dict[int, list[Moment]] = {}
    for number, moment in enumerate(moments):
        place = number if width <= step else int((moment.time_s - moments[0].time_s) / width)
        found.setdefault(place, []).append(moment)
    return [_cell(group, step) for group in found.values()]


def timeline_figure(
    gathered: Sequence[Cell],
    shown: Sequence[Emotion],
    names: Mapping[Emotion, str],
    reasons: Mapping[str, str],
) -> go.Figure:
    """Draw the strip and the curves of `shown`; a stretch without a usable face is grey above and a gap below."""
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.16, 0.84], vertical_spacing=0.06)
    in_strip = _strip(figure, gathered, names, reasons)
    for emotion in shown:
        x, y = _curve(gathered, emotion)
        figure.add_scatter(
            x=x, y=y, name=title(names[emotion]), mode="lines", connectgaps=False,
            showlegend=title(names[emotion]) not in in_strip,
            line={"color": COLORS[emotion], "dash": DASHES[emotion], "width": 2},
            hovertemplate="%{y:.0%}", row=2, col=1,
        )  # fmt: skip
        _mark_lonely(figure, x, y, emotion)
    figure.update_yaxes(visible=False, fixedrange=True, row=1)
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%", title="Model output", nticks=5, row=2)
    _time_axis(figure, gathered)
    return figure.update_layout(
        height=400, margin={"l": 8, "r": 8, "t": 8, "b": 8}, barmode="overlay", bargap=0, hovermode="x",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "itemclick": False,
                "itemdoubleclick": False},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip


def pictures_figure(moments: Sequence[Moment], names: Mapping[Emotion, str], reasons: Mapping[str, str]) -> go.Figure:
    """Draw single pictures side by side: the seven outputs stacked, or a hatched bar where no face could be read."""
    numbers = [f"Picture {number}" for number in range(1, len(moments) + 1)]
    figure = go.Figure()
    for emotion in Emotion:
        figure.add_bar(
            x=numbers, y=[moment.probabilities[emotion] if moment.probabilities else None for moment in moments],
            name=title(names[emotion]), marker_color=COLORS[emotion], hovertemplate="%{y:.0%}",
        )  # fmt: skip
    unread = [(number, moment) for number, moment in zip(numbers, moments, strict=True) if not moment.probabilities]
    if unread:
        figure.add_bar(
            x=[number for number, _ in unread], y=[1] * len(unread), name="No usable face",
            customdata=[[reasons[moment.status]] for _, moment in unread], hovertemplate="%{customdata[0]}",
            marker={"color": UNUSABLE, "pattern": {"shape": "/", "size": 5, "fgopacity": 0.45}},
        )  # fmt: skip
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%", title="Model output", nticks=5)
    figure.update_xaxes(categoryorder="array", categoryarray=numbers)
    return figure.update_layout(
        height=380, barmode="stack", bargap=0.4, hovermode="x unified", margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip


def cell_length_s(gathered: Sequence[Cell]) -> float:
    """Return the usual length of a cell in seconds, 0 without any."""
    lengths = sorted(cell.end_s - cell.begin_s for cell in gathered)
    return lengths[len(lengths) // 2] if lengths else 0.0


def _cell(group: Sequence[Moment], step: float) -> Cell:
    """Gather samples into one cell."""
    label = Counter(moment.label for moment in group).most_common(1)[0][0]
    known = [moment.probabilities for moment in group if moment.probabilities is not None]
    means = tuple(sum(column) / len(known) for column in zip(*known, strict=True)) if known else None
    return Cell(group[0].time_s, group[-1].time_s + step, label, means)


def _step(moments: Sequence[Moment]) -> float:
    """Return the usual time between two samples in seconds; 1 where there is one sample alone."""
    steps = sorted(b.time_s - a.time_s for a, b in pairwise(moments))
    return steps[len(steps) // 2] if steps else 1.0


def _strip(
    figure: go.Figure, gathered: Sequence[Cell], names: Mapping[Emotion, str], reasons: Mapping[str, str]
) -> set[str]:
    """Draw runs of equal labels as bars, one entry of the legend for each label, and one for all that is unusable.

    Returns the names that stand in the legend.
    """
    runs = _runs(gathered)
    groups: dict[str, list[Cell]] = {}
    for run in runs:
        groups.setdefault(_group(run.label, names), []).append(run)
    order = [title(names[emotion]) for emotion in Emotion] + ["Uncertain", "No usable face"]
    for group in sorted(groups, key=order.index):
        parts = groups[group]
        figure.add_bar(
            y=["Label"] * len(parts),
            base=[part.begin_s for part in parts],
            x=[part.end_s - part.begin_s for part in parts],
            customdata=[[_say(part, names, reasons)] for part in parts],
            orientation="h", width=1, name=group,
            marker={"color": _color(parts[0].label), "line": {"width": 0},
                    "pattern": {"shape": "/" if group == "No usable face" else "", "size": 5, "fgopacity": 0.45}},
            hovertemplate="%{customdata[0]}<extra></extra>", row=1, col=1,
        )  # fmt: skip
    return set(groups)


def _runs(gathered: Sequence[Cell]) -> list[Cell]:
    """Join neighbours of the same label that touch each other."""
    usual = cell_length_s(gathered)
    runs: list[Cell] = []
    for cell in gathered:
        last = runs[-1] if runs else None
        if last is not None and last.label == cell.label and cell.begin_s - last.end_s <= 1.5 * usual:
            runs[-1] = Cell(last.begin_s, cell.end_s, last.label, None)
        else:
            runs.append(cell)
    return runs


def _curve(gathered: Sequence[Cell], emotion: Emotion) -> tuple[list[float], list[float | None]]:
    """Return times and values of one curve, with None where a stretch has no usable face or no samples at all."""
    usual = cell_length_s(gathered)
    x: list[float] = []
    y: list[float | None] = []
    for number, cell in enumerate(gathered):
        if number and cell.begin_s - gathered[number - 1].end_s > 1.5 * usual:
            x.append((cell.begin_s + gathered[number - 1].end_s) / 2)
            y.append(None)
        x.append(cell.begin_s)
        y.append(cell.probabilities[emotion] if cell.probabilities is not None else None)
    return x, y


def _mark_lonely(figure: go.Figure, x: Sequence[float], y: Sequence[float | None], emotion: Emotion) -> None:
    """Draw a dot where a value has no neighbour: a line alone would not show it."""
    padded = [None, *y, None]
    lonely = [i for i, value in enumerate(y) if value is not None and padded[i] is None and padded[i + 2] is None]
    if lonely:
        figure.add_scatter(
            x=[x[i] for i in lonely], y=[y[i] for i in lonely], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"color": COLORS[emotion], "size": 5}, row=2, col=1,
        )  # fmt: skip


def _time_axis(figure: go.Figure, gathered: Sequence[Cell]) -> None:
    """Label the axis in seconds, or in minutes and seconds for what is longer than three minutes."""
    end = gathered[-1].end_s if gathered else 1.0
    begin = gathered[0].begin_s if gathered else 0.0
    figure.update_xaxes(range=[begin, end], showgrid=False, row=1)
    text = "Time in the recording (seconds)"
    if end > LONG_S:
        step = next((s for s in (30, 60, 120, 300, 600, 1200) if end / s <= 10), 3600)
        ticks = [step * number for number in range(math.floor(end / step) + 1)]
        figure.update_xaxes(tickvals=ticks, ticktext=[f"{tick // 60}:{tick % 60:02d}" for tick in ticks])
        text = "Time in the recording (minutes:seconds)"
    figure.update_xaxes(title=text, row=2)


def _group(label: Emotion | Status, names: Mapping[Emotion, str]) -> str:
    if isinstance(label, Emotion):
        return title(names[label])
    return "Uncertain" if label.usable else "No usable face"


def _color(label: Emotion | Status) -> str:
    if isinstance(label, Emotion):
        return COLORS[label]
    return UNCERTAIN if label.usable else UNUSABLE


def _say(run: Cell, names: Mapping[Emotion, str], reasons: Mapping[str, str]) -> str:
    what = names[run.label] if isinstance(run.label, Emotion) else reasons[run.label]
    return f"{title(what)}, {run.begin_s:.1f} to {run.end_s:.1f} s"
