"""The result of one recording as a whole, computed from its stored samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
class AnalysisResult:
    """A recording's samples, smoothed or not, and their reading, which is always that of the unsmoothed samples.

    `reading`: None without samples, and until `with_reading` computed it. `smooth_s`: the width of the smoothing.
    `boxes` (N, 4): the face's box in px, NaN without one. `raw`: the unsmoothed samples. `adjusted`: the shares of
    true expressions that would give such labels, None where they are not known to be better; `not_adjusted` gives
    the reason.
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
        """Return the times alone, for a user who judges before seeing the labels."""
        none = np.full_like(self.series.outputs, np.nan)
        return replace(self.series, outputs=none, statuses=(Status.NO_FACE,) * len(self.series.statuses))


def analysis_result(
    db: Database, actor: Actor, recording_id: str, smooth_s: float = 0.0, card: Path | None = None
) -> AnalysisResult:
    """Return the patient's samples in a recording, smoothed over `smooth_s` seconds, and their reading.

    `card`: that of the model in use, None for the shipped one.
    Raises Forbidden, FerError ``unknown_recording``.
    """
    return with_reading(samples(db, actor, recording_id, smooth_s), card)


def samples(db: Database, actor: Actor, recording_id: str, smooth_s: float = 0.0) -> AnalysisResult:
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
    return AnalysisResult(
        smoothed, None, episodes, smooth_s=smooth_s, boxes=found.boxes, raw=series, model_sha256=model_sha256
    )


def with_reading(result: AnalysisResult, card: Path | None) -> AnalysisResult:
    """Return the same result with its reading. `card`: that of the model in use, None for the shipped one."""
    reading = read(result.raw) if result.raw is not None and result.raw.statuses else None
    adjusted, reason = _adjusted(reading, result.model_sha256, card)
    return replace(result, reading=reading, adjusted=adjusted, not_adjusted=reason)


def with_marks(result: AnalysisResult, found: Sequence[Mark]) -> AnalysisResult:
    """Return the result with marks applied: corrected labels are used, excluded stretches are not counted."""
    if result.raw is None:
        return result
    raw = verdicts.kept(*verdicts.applied(result.raw, found))
    series = verdicts.kept(*verdicts.applied(result.series, found))
    reading = read(raw) if raw.statuses else None
    reason = "the labels are no longer the model's alone"
    return replace(
        result, series=series, reading=reading, episodes=tuple(episodes_of(series)), adjusted=None, not_adjusted=reason
    )


def _adjusted(reading: Reading | None, model_sha256: str | None, path: Path | None) -> tuple[Adjusted | None, str]:
    """Return the adjusted shares of a recording, or why there are none."""
    card = ModelCard.load(path)
    if reading is None or reading.size < FEWEST:
        return None, f"they need {FEWEST:.0f} independent moments"
    if card.sha256 != model_sha256 or card.given is None:
        return None, "how often this model gives which label isn't known here"
    found = adjust(np.array(reading.shares), reading.size, np.array(card.given, np.float64))
    return found, "" if found is not None else "no mixture of expressions would give these labels"
