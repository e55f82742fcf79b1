"""How each expression and status looks in every chart: safe for the colour-blind, and no red that means bad."""

from __future__ import annotations

# Plotly looks into pandas wherever somebody has begun to import it, and fails while another thread is still at it.
import pandas  # noqa: F401

from fer_core.emotions import Emotion
from fer_core.reading.plot import COLORS as COLORS
from fer_core.types import Status

DASHES: dict[Emotion, str] = {
    Emotion.ANGRY: "dash",
    Emotion.DISGUST: "dot",
    Emotion.FEAR: "dashdot",
    Emotion.HAPPY: "solid",
    Emotion.SAD: "solid",
    Emotion.SURPRISE: "longdash",
    Emotion.NEUTRAL: "longdashdot",
}

SYMBOLS: dict[Emotion, str] = {
    Emotion.ANGRY: "triangle-down",
    Emotion.DISGUST: "diamond",
    Emotion.FEAR: "cross",
    Emotion.HAPPY: "circle",
    Emotion.SAD: "square",
    Emotion.SURPRISE: "triangle-up",
    Emotion.NEUTRAL: "x",
}

UNCERTAIN = "#B9C4C9"
"""A face that could be read, without a clear label."""

TOGETHER = "#8A6D3B"
"""Several expressions together."""

UNUSABLE = "#5E6A71"
"""A moment without a usable face."""

USABLE_SHARE = "#5B8F96"
BAND = "rgba(90, 143, 150, 0.16)"
LINE = "#8A979E"
"""Rules, limits and marks: readable on a light and on a dark page."""


def status_color(status: Status, emotion: Emotion | None) -> str:
    """Return the colour of one moment: that of its label, or one of the two greys that stand for none."""
    if emotion is not None:
        return COLORS[emotion]
    return UNCERTAIN if status.usable else UNUSABLE
