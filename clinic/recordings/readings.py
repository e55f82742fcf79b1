"""What one recording says as a whole, worked out from its stored samples."""

from __future__ import annotations

from dataclasses import dataclass

from clinic import access
from clinic.access import Actor
from clinic.patients import caseload
from clinic.patients.trends import series_of
from db.engine import Database
from fer_core.reading.reading import Episode, Reading, Series, episodes_of, read

SMOOTHINGS_S = (0.0, 1.0, 3.0)
"""Widths of the running mean that are offered, in seconds; 0 leaves the samples as they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """A recording's samples, smoothed or not, and what they say: the reading is always that of the samples as they are.

    `reading` is None where nothing was sampled.
    """

    series: Series
    reading: Reading | None
    episodes: tuple[Episode, ...]


def tell(db: Database, actor: Actor, recording_id: str, smooth_s: float = 0.0) -> Told:
    """Return the patient's samples in a recording, smoothed over `smooth_s` seconds, and their reading.

    Raises Forbidden, FerError ``unknown_recording``.
    """
    samples = caseload.samples(db, actor, recording_id)
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        series = series_of(samples, recording.kind, recording.settings)
    smoothed = series.smoothed(smooth_s)
    return Told(smoothed, read(series) if series.statuses else None, tuple(episodes_of(smoothed)))
