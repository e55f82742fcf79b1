"""What all charts share: their plain frame, and how names are written."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from fer_core.emotions import Emotion

Names = Mapping[Emotion, str]


def title(name: str) -> str:
    """Return a name with a capital at its beginning."""
    return name[:1].upper() + name[1:]


def plain(figure: go.Figure, height: int) -> go.Figure:
    """Give a figure the one plain frame of all charts."""
    figure.update_annotations(font_size=13)
    for annotation in figure.layout.annotations:
        if annotation.xref == "paper" and annotation.x == 0.5:
            annotation.update(x=0, xanchor="left")
    return figure.update_layout(
        height=height, margin={"l": 8, "r": 8, "t": 36, "b": 8}, showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
