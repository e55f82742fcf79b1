"""Recordings of several pictures: nobody is followed from one to the next, so each picture's face is a face of its own.

An earlier version of the program gave all faces that were alone in their picture one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.models import Job, Recording, RecordingKind, Sample
from db.records import load_samples
from fer_core.types import Box

CONFIRMED = "pictures"
"""In what a recording remembers of its choice of face: in so many pictures the patient's was chosen, one by one."""


def joined(session: Session, recording: Recording) -> list[int]:
    """Return the numbers that stand for the faces of several pictures."""
    if recording.kind != RecordingKind.PICTURES:
        return []
    of_several = (
        select(Sample.track)
        .where(Sample.recording_id == recording.id, Sample.track >= 0)
        .group_by(Sample.track)
        .having(func.count() > 1)
        .order_by(Sample.track)
    )
    return list(session.scalars(of_several))


def number_apart(session: Session, recording: Recording) -> None:
    """Give the face of each picture a number of its own, where one number stands for several.

    Of the small picture that was kept under that number it isn't known which picture it shows, so none of them has it.
    """
    highest = session.scalar(select(func.max(Sample.track)).where(Sample.recording_id == recording.id)) or 0
    for track in joined(session, recording):
        here = (Sample.recording_id == recording.id) & (Sample.track == track)
        for index in session.scalars(select(Sample.frame_index).where(here).order_by(Sample.frame_index)).all():
            highest += 1
            session.execute(update(Sample).where(here, Sample.frame_index == index).values(track=highest))


def number_at(time_s: float) -> int:
    """Return which picture stands at a time, from 1: the first one is at second 0 of the stored samples."""
    return round(time_s) + 1


def names(session: Session, recording_id: str) -> list[str]:
    """Return the names of a recording's pictures as they came, in order."""
    sources = session.scalar(select(Job.sources).where(Job.recording_id == recording_id)) or []
    return [str(source.get("name", "")) for source in sources]


def same_faces(session: Session, recording_id: str, places: Mapping[int, Box], iou: float) -> dict[int, int]:
    """Return by picture the face that lies where these boxes lie, for those pictures in which one does.

    `places`: a box in px by picture; `iou`: by so much at least the two overlap.
    """
    found = load_samples(session, recording_id)
    best: dict[int, tuple[float, int]] = {}
    for index, track, corners in zip(
        found.frame_index.tolist(), found.track.tolist(), found.boxes.tolist(), strict=True
    ):
        overlap = places[index].iou(Box(*corners)) if track >= 0 and index in places else 0.0
        if overlap >= iou and overlap > best.get(index, (0.0, 0))[0]:
            best[index] = overlap, track
    return {index: track for index, (_, track) in best.items()}


def taken_together(kind: RecordingKind, choice: Mapping[str, Any], faces: int) -> bool:
    """Return whether faces that were alone in their picture were taken for one person's without being asked about.

    `choice`: what the recording remembers of it; `faces`: in so many of its pictures the patient's face is stored.
    """
    return kind == RecordingKind.PICTURES and CONFIRMED not in choice and len(choice.get("tracks", ())) < faces
