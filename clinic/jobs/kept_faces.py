"""Small pictures of the patient's face along a recording, kept sealed where its video is not kept or can't be played.

They are files of the recording as its video is: among the sources of its job, so that all that deletes, exports,
backs up or reseals files covers them.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access
from clinic.access import Actor
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.jobs import previews
from clinic.recordings import uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, Recording, RecordingKind, new_id
from db.records import others_spans
from fer_core.errors import FerError
from fer_core.media.passage import MEDIA_TYPES

MOST = 12
"""So many pictures of a recording are kept at most."""
MOST_BYTES = 64 * 1024
"""The largest one that is shown; those that are made here have about 5 kB."""
JPEG = b"\xff\xd8\xff"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FacePicture:
    """The patient's face at a moment of the recording, in seconds, as JPEG."""

    at_s: float
    jpeg: bytes


def wanted(session: Session, settings: Settings, recording_id: str) -> Job | None:
    """Return the recording's job if pictures of the face are to be kept with it."""
    recording = session.get(Recording, recording_id)
    job = session.scalar(select(Job).where(Job.recording_id == recording_id))
    if recording is None or job is None or not settings.keep_faces or recording.kind != RecordingKind.VIDEO:
        return None
    if consent.missing(session, recording.patient_id, Scope.KEEP_VIDEO) is not None:
        return None
    played = settings.keep_files and job.sources[0].get("media_type") in MEDIA_TYPES
    return None if played or any(one.get("kind") == uploads.FACE for one in job.sources) else job


def keep(db: Database, settings: Settings, recording_id: str, tracks: Collection[int]) -> None:
    """Keep some pictures that the analysis made of the patient, where the clinic keeps them and the patient agreed.

    `tracks`: the patient's. The analysis has its result without them, so that a failure is only logged.
    """
    try:
        with db.read() as session:
            if wanted(session, settings, recording_id) is None:
                return
        views = sorted(view for track in tracks for view in previews.views(settings, recording_id, track))
        made = [_stored(settings, at_s, jpeg) for at_s, jpeg in _spread(views)]
        if not _add(db, settings, recording_id, made):
            uploads.discard(settings, [one["id"] for one in made])
    except (OSError, FerError) as error:
        log.warning("no pictures of the face in recording %s are kept: %s", recording_id, type(error).__name__)


def shown(db: Database, settings: Settings, actor: Actor, recording_id: str) -> list[FacePicture]:
    """Return the pictures of the patient's face that are kept, in order of time; none where the consent is missing.

    Those in a stretch that is marked as not the patient are left out. Raises Forbidden, FerError
    ``unknown_recording``.
    """
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.require_reader_of(session, actor, recording.patient_id)
        if not settings.keep_faces or consent.missing(session, recording.patient_id, Scope.KEEP_VIDEO) is not None:
            return []
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        sources = [] if job is None else [one for one in job.sources if one.get("kind") == uploads.FACE]
        others = others_spans(session, recording_id)
    kept = [one for one in sources if not any(begin_s <= one["at_s"] < end_s for begin_s, end_s in others)]
    pictures = [FacePicture(float(one["at_s"]), _read(settings, one["id"])) for one in kept[:MOST]]
    return sorted((one for one in pictures if one.jpeg.startswith(JPEG)), key=lambda one: one.at_s)


def _spread(views: Sequence[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    """Return at most `MOST` of them, evenly along the recording."""
    if len(views) <= MOST:
        return list(views)
    return [views[round(place * (len(views) - 1) / (MOST - 1))] for place in range(MOST)]


def _stored(settings: Settings, at_s: float, jpeg: bytes) -> dict[str, Any]:
    made = uploads.take_in(settings, io.BytesIO(jpeg), "face.jpg", new_id())
    return {**made.as_source(), "kind": uploads.FACE, "at_s": at_s}


def _add(db: Database, settings: Settings, recording_id: str, made: list[dict[str, Any]]) -> bool:
    """Write the pictures into the job; return whether that may still be: a consent may have ended meanwhile."""
    with db.session() as session:
        job = wanted(session, settings, recording_id)
        if job is None:
            return False
        job.sources = [*job.sources, *made]
        return True


def _read(settings: Settings, upload_id: str) -> bytes:
    """Return a kept picture; nothing where it was deleted, can't be opened, or is none that was made here."""
    try:
        with uploads.open_stored(settings, upload_id) as file:
            found = file.read(MOST_BYTES + 1)
    except (OSError, FerError):
        return b""
    return found if len(found) <= MOST_BYTES else b""
