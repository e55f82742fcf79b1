"""What one recording says as a whole, worked out from its stored samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from clinic import access
from clinic.access import Actor
from clinic.patients import caseload
from clinic.patients.summaries import series_of
from clinic.recordings import verdicts
from clinic.recordings.verdicts import Mark
from db.engine import Database
from fer_core.model.model_card import ModelCard
from fer_core.reading.adjusted import FEWEST, Adjusted, adjust
from fer_core.reading.intervals import Floats
from fer_core.reading.reading import Episode, Reading, Series, episodes_of, read
from fer_core.types import Status

SMOOTHINGS_S = (3.0, 1.0, 0.0)
"""Widths of the running mean that are offered, in seconds, the usual one first; 0 leaves the samples as they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """A recording's samples, smoothed or not, and what they say: the reading is always that of the samples as they are.

    `reading` is None where nothing was sampled, and before it was worked out (`whole`). `smooth_s`: the width of the
    smoothing. `boxes` (N, 4): of the face in px, NaN without one. `raw`: the samples as they are. `adjusted`: the
    shares of true expressions that would give such labels, None where they aren't known to be better, which
    `not_adjusted` gives the reason of.
    """

    series: Series
    reading: Reading | None
    episodes: tuple[Episode, ...]
    adjusted: Adjusted | None = None
    not_adjusted: str = ""
    smooth_s: float = 0.0
    boxes: Floats | None = None
    raw: Series | None = None
    model_sha256: str | None = None

    def nothing(self) -> Series:
        """Return the times alone, for somebody who is to judge before seeing what the model said."""
        none = np.full_like(self.series.outputs, np.nan)
        return replace(self.series, outputs=none, statuses=(Status.NO_FACE,) * len(self.series.statuses))


def tell(db: Database, actor: Actor, recording_id: str, smooth_s: float = 0.0) -> Told:
    """Return the patient's samples in a recording, smoothed over `smooth_s` seconds, and their reading.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    return whole(samples(db, actor, recording_id, smooth_s))


def samples(db: Database, actor: Actor, recording_id: str, smooth_s: float = 0.0) -> Told:
    """Return the same without the reading, in half the time: for a page that draws the samples first.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    found = caseload.samples(db, actor, recording_id)
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        series = series_of(found, recording.kind, recording.settings)
        model_sha256 = recording.model_sha256
    smoothed = series.smoothed(smooth_s)
    episodes = tuple(episodes_of(smoothed))
    return Told(smoothed, None, episodes, smooth_s=smooth_s, boxes=found.boxes, raw=series, model_sha256=model_sha256)


def whole(told: Told) -> Told:
    """Return what samples say with their reading."""
    reading = read(told.raw) if told.raw is not None and told.raw.statuses else None
    adjusted, reason = _adjusted(reading, told.model_sha256)
    return replace(told, reading=reading, adjusted=adjusted, not_adjusted=reason)


def after(told: Told, found: Sequence[Mark]) -> Told:
    """Return what a recording says with its marks applied: other labels taken over, what is left out not counted."""
    if told.raw is None:
        return told
    raw = verdicts.kept(*verdicts.applied(told.raw, found))
    series = verdicts.kept(*verdicts.applied(told.series, found))
    reading = read(raw) if raw.statuses else None
    reason = "the labels are no longer the model's alone"
    return replace(
        told, series=series, reading=reading, episodes=tuple(episodes_of(series)), adjusted=None, not_adjusted=reason
    )


def _adjusted(reading: Reading | None, model_sha256: str | None) -> tuple[Adjusted | None, str]:
    """Return the adjusted shares of a recording, or why there are none."""
    card = ModelCard.load()
    if reading is None or reading.size < FEWEST:
        return None, f"they need {FEWEST:.0f} independent moments"
    if card.sha256 != model_sha256 or card.given is None:
        return None, "how often this model gives which label isn't known here"
    found = adjust(np.array(reading.shares), reading.size, np.array(card.given, np.float64))
    return found, "" if found is not None else "no mixture of expressions would give these labels"
