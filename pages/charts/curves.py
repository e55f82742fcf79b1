"""A recording's samples as the player in the browser takes them: small arrays in base64, and how each label looks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.emotions import Emotion
from fer_core.reading.mouth import moving
from fer_core.reading.reading import Series
from fer_core.reading.timeline import held_s, usual_step_s
from fer_core.types import Status
from pages.charts.figures import title
from pages.charts.palette import COLORS, UNCERTAIN, USABLE_SHARE

UNCLEAR = len(Emotion)
REASONS = tuple(status for status in Status if not status.usable)
LEFT_OUT = UNCLEAR + 1 + len(REASONS)
"""Codes: the emotions, then uncertain, then the reasons why a face can't be read, then what a mark leaves out."""
QUALITY: dict[Status, str] = {
    Status.NO_FACE: "#5E6A71",
    Status.TOO_SMALL: "#6B4E9B",
    Status.BLURRED: "#7A5C00",
    Status.DARK: "#333B40",
    Status.PROFILE: "#8A4B2D",
    Status.PARTIAL: "#2F6B4F",
    Status.DAMAGED: "#8B2E3C",
    Status.OTHERS: "#3E4C7A",
    Status.NOT_PATIENT: "#2B2F32",
}
"""Dark enough for white text."""
DASHES: dict[Emotion, list[int]] = {
    Emotion.ANGRY: [6, 4],
    Emotion.DISGUST: [2, 3],
    Emotion.FEAR: [8, 3, 2, 3],
    Emotion.HAPPY: [],
    Emotion.SAD: [],
    Emotion.SURPRISE: [10, 4],
    Emotion.NEUTRAL: [10, 3, 2, 3],
}


def packed(series: Series, boxes: NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Return times, curves (7, N) and codes of a recording in base64: float32, and one byte for each code.

    `boxes` (N, 4) in px, NaN without a face, as int16.
    """
    return {
        "times": _text(series.time_s.astype(np.float32)),
        "curves": _text(np.ascontiguousarray(series.outputs.T, np.float32)),
        "codes": _text(codes(series)),
        "step_s": usual_step_s(series.time_s, series.every_s or 0.0),
        "mouth": _mouth(series),
        "boxes": _text(np.nan_to_num(boxes).clip(-(2**15), 2**15 - 1).astype(np.int16)) if boxes is not None else None,
    }


def _mouth(series: Series) -> str | None:
    """Return where the mouth moves (1), is still (0), or neither is known (2), in base64; None where nothing is."""
    if series.mouth_change is None or np.isnan(series.mouth_change).all():
        return None
    step_s = usual_step_s(series.time_s, series.every_s or 0.0)
    state = moving(series.mouth_change, series.time_s, held_s(series.time_s, step_s))
    return _text(np.nan_to_num(state, nan=2.0).astype(np.uint8))


def codes(series: Series) -> NDArray[np.uint8]:
    """Return the code of each sample, (N,): its label, or why it has none."""
    best = np.nan_to_num(series.outputs, nan=-1.0).argmax(axis=1) if len(series.outputs) else np.zeros(0, np.int64)
    known = {Status.UNCERTAIN: UNCLEAR} | {status: UNCLEAR + 1 + place for place, status in enumerate(REASONS)}
    found = [known.get(status, label) for status, label in zip(series.statuses, best.tolist(), strict=True)]
    return np.array(found, np.uint8)


def encoded(found: NDArray[np.uint8]) -> str:
    """Return codes in base64."""
    return _text(found)


def looks(names: Mapping[Emotion, str], reasons: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what each code is called and how it looks, in the order of the codes."""
    labels = [_look(title(names[emotion]), COLORS[emotion], USABLE_SHARE, True) for emotion in Emotion]
    unclear = _look(title(reasons[Status.UNCERTAIN]), UNCERTAIN, USABLE_SHARE, True)
    unread = [_look(title(reasons[status]), QUALITY[status], QUALITY[status], False) for status in REASONS]
    return [*labels, unclear, *unread, _look("Left out by a mark", "#2B2F32", "#2B2F32", False)]


def _look(name: str, color: str, quality: str, usable: bool) -> dict[str, Any]:
    return {"name": name, "color": color, "quality": quality, "usable": usable}


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
