"""A recording as one page of HTML that needs nothing else: labels and the model's outputs over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from fer_core.emotions import Emotion
from fer_core.reading.reading import series_of
from fer_core.types import FrameResult

COLORS: dict[Emotion, str] = {
    Emotion.ANGRY: "#CC79A7",
    Emotion.DISGUST: "#009E73",
    Emotion.FEAR: "#56B4E9",
    Emotion.HAPPY: "#E69F00",
    Emotion.SAD: "#2A7DB8",
    Emotion.SURPRISE: "#D55E00",
    Emotion.NEUTRAL: "#808B91",
}
"""After Okabe & Ito 2008; the blue is a shade lighter, so that it can be read on a dark page too."""
NOTICE = "Shows facial expressions as labelled by a model, not feelings or a diagnosis."


def write_plot(results: Sequence[FrameResult], track: int, target: Path, smooth_s: float = 0.0) -> None:
    """Write the plot of one track of a video. `smooth_s`: width of the running mean in seconds, 0 for none."""
    figure(results, track, smooth_s).write_html(target, include_plotlyjs=True, full_html=True)


def figure(results: Sequence[FrameResult], track: int, smooth_s: float = 0.0) -> go.Figure:
    """Return the model's outputs for one track over time; where no face could be read there is a gap."""
    series = series_of(results, track).smoothed(smooth_s)
    drawn = go.Figure()
    for emotion in Emotion:
        drawn.add_scatter(
            x=series.time_s, y=series.outputs[:, emotion], name=emotion.label, mode="lines", connectgaps=False,
            line={"color": COLORS[emotion], "width": 2},
        )  # fmt: skip
    drawn.update_yaxes(range=[0, 1.02], tickformat=".0%", title="Model output")
    drawn.update_xaxes(title="Time in the recording (seconds)")
    smoothing = f" Smoothed over {smooth_s:g} s." if smooth_s else " Not smoothed."
    return drawn.update_layout(title={"text": NOTICE + smoothing, "font": {"size": 14}}, hovermode="x unified")
