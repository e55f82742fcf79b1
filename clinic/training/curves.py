"""What a run has written of its epochs so far, and how long the others will take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median
from typing import Any

from clinic.settings import Settings
from clinic.training_queue import places

Curve = dict[str, Any]
"""One epoch: `epoch`, `rate`, `train_loss`, `public_loss`, `public_accuracy` (0 to 1) and `seconds`."""


def read(settings: Settings, run_id: str) -> tuple[Curve, ...]:
    """Return the epochs that are done, none before the first."""
    try:
        lines = (places.folder_of(settings, run_id) / "epochs.jsonl").read_text("utf-8").splitlines()
        return tuple(json.loads(line) for line in lines)
    except (OSError, ValueError):
        return ()


def left_s(epochs: Sequence[Curve], total: int) -> float | None:
    """Return how many seconds are left at most, None before the first epoch."""
    if not epochs:
        return None
    return max(0, total - len(epochs)) * float(median(epoch["seconds"] for epoch in epochs))


def best(epochs: Sequence[Curve]) -> float | None:
    """Return the highest accuracy on PublicTest, None before the first epoch."""
    return max((float(epoch["public_accuracy"]) for epoch in epochs), default=None)
