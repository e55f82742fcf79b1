"""One face's outputs as bars, and a picture with a box and a label for each face."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import plotly.graph_objects as go

from fer_core.emotions import Emotion
from fer_core.types import Box
from pages.charts.figures import Names, plain, title
from pages.charts.palette import COLORS, UNUSABLE


def bars(probabilities: Sequence[float] | None, names: Names) -> go.Figure:
    """Draw the model's probabilities for one face as horizontal bars; with None, empty ones."""
    values = list(probabilities) if probabilities is not None else [0.0] * len(Emotion)
    order = list(Emotion)[::-1]
    figure = go.Figure(
        go.Bar(
            x=[values[emotion] for emotion in order],
            y=[title(names[emotion]) for emotion in order],
            orientation="h",
            marker_color=[COLORS[emotion] for emotion in order],
            hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", nticks=6, fixedrange=True)
    figure.update_yaxes(fixedrange=True, showgrid=False)
    return plain(figure, 280)


def preview_figure(
    jpeg: bytes,
    size_px: tuple[int, int],
    faces: Sequence[tuple[Box, Emotion | None]],
    names: Names,
    shown_px: int = 560,
    unlabelled: str = "No label",
) -> go.Figure:
    """Draw a picture of `size_px` (width, height) with a box and a label, or `unlabelled`, for each face.

    The picture travels inside the figure as a data URI, so that no address exists under which it could be fetched.
    """
    figure, (width_px, height_px) = go.Figure(), size_px
    source = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
    figure.add_layout_image(
        source=source, x=0, y=0, sizex=width_px, sizey=height_px, xref="x", yref="y", sizing="stretch", layer="below"
    )
    for box, emotion in faces:
        color = COLORS[emotion] if emotion is not None else UNUSABLE
        line = {"color": color, "width": 3, "dash": "solid" if emotion is not None else "dot"}
        figure.add_shape(type="rect", x0=box.left, y0=box.top, x1=box.right, y1=box.bottom, line=line)
        text = title(names[emotion]) if emotion is not None else unlabelled
        figure.add_annotation(
            x=max(0.0, box.left), y=max(0.0, box.top), text=text, showarrow=False, xanchor="left",
            yanchor="bottom" if box.top > height_px * 0.08 else "top",
            font={"color": "#FFFFFF", "size": 13}, bgcolor="rgba(18, 24, 28, 0.8)", borderpad=3,
        )  # fmt: skip
    hidden = {"visible": False, "fixedrange": True}
    figure.update_xaxes(range=[0, width_px], **hidden)
    figure.update_yaxes(range=[height_px, 0], scaleanchor="x", **hidden)
    plain(figure, max(140, round(shown_px * height_px / width_px)))
    return figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0}, hovermode=False, dragmode=False)
