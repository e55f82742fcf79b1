"""Rows in and out as the core's types: no page and no job writes SQL of its own for samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from db.models import Recording, RecordingMark, Sample
from db.moment import once
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.types import FaceExpression, FrameResult, Status

NO_TRACK = -1
"""The track of a row that says: at this moment there was no face."""


@dataclass(frozen=True, slots=True)
class SampleTable:
    """Samples of a recording as arrays of one length, in the order of time.

    `time_s` (N,) float64; `track` (N,) int64, `NO_TRACK` for a moment without a face; `status` (N,) of `Status`
    values as str; `probabilities` (N, 7) float64 in `Emotion` order, NaN where there is no reading; `boxes` (N, 4)
    float64 left, top, right, bottom in px, NaN without a face; `confidence` (N,) float64, NaN without a face;
    `sharpness`, `brightness` (N,) float64 (`fer_core.types.Quality`), `mouth_change` and `framing_kept` (N,) float64
    (`fer_core.types.FaceExpression`), NaN where they are not known.
    """

    frame_index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    track: NDArray[np.int64]
    status: NDArray[np.str_]
    probabilities: NDArray[np.float64]
    boxes: NDArray[np.float64]
    confidence: NDArray[np.float64]
    sharpness: NDArray[np.float64] | None = None
    brightness: NDArray[np.float64] | None = None
    mouth_change: NDArray[np.float64] | None = None
    framing_kept: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.time_s)


def save_results(session: Session, recording_id: str, results: Iterable[FrameResult]) -> int:
    """Add the samples of a recording and return how many rows that made; a moment without a face is a row too."""
    rows = [row for result in results for row in _rows(recording_id, result)]
    if rows:
        session.execute(insert(Sample), rows)
    return len(rows)


def load_samples(session: Session, recording_id: str) -> SampleTable:
    """Return all samples of a recording in the order of time.

    Stretches that are marked as not the patient (`others_spans`) are left out.
    """
    columns = (
        Sample.frame_index,
        Sample.time_s,
        Sample.track,
        Sample.status,
        *(getattr(Sample, label) for label in EMOTION_LABELS),
        Sample.left,
        Sample.top,
        Sample.right,
        Sample.bottom,
        Sample.confidence,
        Sample.sharpness,
        Sample.brightness,
        Sample.mouth_change,
        Sample.framing_kept,
    )
    found = session.execute(
        select(*columns).where(Sample.recording_id == recording_id).order_by(Sample.time_s, Sample.track)
    ).all()
    numbers = np.array([row[4:] for row in found], np.float64).reshape(-1, len(Emotion) + 9)
    time_s = np.array([row[1] for row in found], np.float64)
    others = within(time_s, others_spans(session, recording_id))
    numbers[others] = np.nan
    statuses = [row[3] if not other else Status.NOT_PATIENT.value for row, other in zip(found, others, strict=True)]
    return SampleTable(
        frame_index=np.array([row[0] for row in found], np.int64),
        time_s=time_s,
        track=np.where(others, NO_TRACK, np.array([row[2] for row in found], np.int64)),
        status=np.array(statuses, np.str_),
        probabilities=numbers[:, : len(Emotion)],
        boxes=numbers[:, len(Emotion) : -5],
        confidence=numbers[:, -5],
        sharpness=numbers[:, -4],
        brightness=numbers[:, -3],
        mouth_change=numbers[:, -2],
        framing_kept=numbers[:, -1],
    )


def others_spans(session: Session, recording_id: str) -> list[tuple[float, float]]:
    """Return the stretches of a recording that are marked as not the patient, from begin to before end, in seconds."""
    visit = select(func.coalesce(Recording.version_of, Recording.id)).where(Recording.id == recording_id)
    asked = select(RecordingMark.begin_s, RecordingMark.end_s).where(
        RecordingMark.recording_id == visit.scalar_subquery(),
        RecordingMark.verdict == Status.NOT_PATIENT.value,
    )
    rows = once(session, ("others", recording_id), lambda: session.execute(asked).all())
    return [(begin_s, end_s) for begin_s, end_s in rows]


def within(time_s: NDArray[np.float64], spans: Iterable[tuple[float, float]]) -> NDArray[np.bool_]:
    """Return which times lie in one of the stretches, (N,)."""
    found = np.zeros(len(time_s), np.bool_)
    for begin_s, end_s in spans:
        found |= (time_s >= begin_s) & (time_s < end_s)
    return found


def clear_samples(session: Session, recording_id: str) -> None:
    """Delete all samples of a recording, so that its analysis can start again."""
    session.execute(delete(Sample).where(Sample.recording_id == recording_id))


def _rows(recording_id: str, result: FrameResult) -> list[dict[str, Any]]:
    if not result.faces:
        status = Status.DAMAGED if result.damaged else Status.NO_FACE
        return [_row(recording_id, result, NO_TRACK, status)]
    return [_row(recording_id, result, face.face.track, face.status, face) for face in result.faces]


def _row(
    recording_id: str, result: FrameResult, track: int, status: Status, seen: FaceExpression | None = None
) -> dict[str, Any]:
    probabilities = seen.probabilities if seen is not None else None
    box = seen.face.box if seen is not None else None
    quality = seen.face.quality if seen is not None else None
    row: dict[str, Any] = {
        "recording_id": recording_id,
        "frame_index": result.index,
        "track": track,
        "time_s": result.time_s,
        "status": status.value,
        "left": box.left if box else None,
        "top": box.top if box else None,
        "right": box.right if box else None,
        "bottom": box.bottom if box else None,
        "confidence": seen.face.confidence if seen is not None else None,
        "sharpness": quality.sharpness if quality is not None else None,
        "brightness": quality.brightness if quality is not None else None,
        "mouth_change": seen.mouth_change if seen is not None else None,
        "framing_kept": seen.framing_kept if seen is not None else None,
    }
    for emotion in Emotion:
        row[emotion.label] = None if probabilities is None else float(probabilities[emotion])
    return row
