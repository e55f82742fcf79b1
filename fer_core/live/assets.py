"""The files of the live view, which the dashboard's page and ``fer live`` share, and what they draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_core.emotions import Emotion

FOLDER = Path(__file__).parent / "assets"
NOTICE = "Shows facial expressions as labelled by a model, not feelings or a diagnosis."


def text(name: str) -> str:
    """Return one of ``live.html``, ``live.css`` and ``live.js``."""
    return (FOLDER / name).read_text("utf-8")


def looks(names: dict[Emotion, str], colors: dict[Emotion, str]) -> dict[str, Any]:
    """Return what the expressions are called and how they are coloured, in `Emotion` order, as the script takes it."""
    return {"names": [names[emotion] for emotion in Emotion], "colors": [colors[emotion] for emotion in Emotion]}
