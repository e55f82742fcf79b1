"""One recording over its own time: a strip of labels on top, curves of the model's probabilities below. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go

from fer_core.emotions import Emotion
from fer_core.types import Status
from pages.charts.figures import title
from pages.charts.palette import COLORS, UNUSABLE

MAX_CELLS = 600
"""The most points that a curve has: a longer recording is averaged into this many cells."""


@dataclass(frozen=True, slots=True)
class TimelineSample:
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


def cells(moments: Sequence[TimelineSample], most: int = MAX_CELLS) -> list[Cell]:
    """Gather samples in the order of time into at most about `most` cells of equal length; empty stretches have none.

    A recording with fewer samples than `most` keeps every sample as a cell of its own.
    """
    if not moments:
        return []
    step = _step(moments)
    length = moments[-1].time_s - moments[0].time_s + step
    width = max(step, length / most)
    found: dict[int, list[TimelineSample]] = {}
    for number, moment in enumerate(moments):
        place = number if width <= step else int((moment.time_s - moments[0].time_s) / width)
        found.setdefault(place, []).append(moment)
    return [_cell(group, step) for group in found.values()]


def pictures_figure(
    moments: Sequence[TimelineSample], names: Mapping[Emotion, str], reasons: Mapping[str, str]
) -> go.Figure:
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


def _cell(group: Sequence[TimelineSample], step: float) -> Cell:
    """Gather samples into one cell."""
    label = Counter(moment.label for moment in group).most_common(1)[0][0]
    known = [moment.probabilities for moment in group if moment.probabilities is not None]
    means = tuple(sum(column) / len(known) for column in zip(*known, strict=True)) if known else None
    return Cell(group[0].time_s, group[-1].time_s + step, label, means)


def _step(moments: Sequence[TimelineSample]) -> float:
    """Return the usual time between two samples in seconds; 1 where there is one sample alone."""
    steps = sorted(b.time_s - a.time_s for a, b in pairwise(moments))
    return steps[len(steps) // 2] if steps else 1.0
