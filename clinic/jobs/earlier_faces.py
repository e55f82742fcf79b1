"""What was made of the face that was chosen before another one: it is not the patient's, so nothing of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from clinic.conflicts import ConflictError, shown_as
from clinic.jobs import previews, tracks
from clinic.patients import digests
from clinic.patients.states import REPLACED, UNDER_WAY, Replaced
from clinic.recordings import uploads
from clinic.settings import Settings
from db.models import Job, Patient, Recording, StoredChunk
from db.records import clear_samples


def others(session: Session, recording: Recording) -> list[Recording]:
    """Return the other versions of a visit with a result: one that is under way finds the choice when it ends."""
    visit_id = recording.version_of or recording.id
    of_visit = or_(Recording.id == visit_id, Recording.version_of == visit_id)
    return list(
        session.scalars(
            select(Recording)
            .outerjoin(Job, Job.recording_id == Recording.id)
            .where(of_visit, Recording.id != recording.id, Recording.summary.is_not(None))
            .where(or_(Job.id.is_(None), Job.state.not_in(UNDER_WAY)))
        )
    )


def drawn(session: Session, recording: Recording) -> str:
    """Return what a choice of the face rests on: who the patient is, splits of faces, other versions with a result."""
    whose = session.get_one(Patient, recording.patient_id).revision
    versions = shown_as([one.id for one in others(session, recording)])
    return f"{whose}.{len(tracks.splits_of(recording))}{versions}"


def need_as_drawn(session: Session, recording: Recording, seen: str | None) -> None:
    """Refuse what rests on another state than the one on the screen; None asks nothing. Raises ConflictError."""
    now = drawn(session, recording)
    if seen is not None and seen != now:
        renamed = seen.partition(".")[0] != now.partition(".")[0]
        raise ConflictError("this patient" if renamed else "these faces", frozenset())


def shown_another(session: Session, recording: Recording, chosen: Sequence[int]) -> bool:
    """Return whether another version of the visit shows another face as the patient's than these tracks."""
    return any(tracks.shows_another(session, recording, chosen, one) for one in others(session, recording))


def clear(session: Session, chosen: Recording, why: Replaced) -> tuple[list[str], list[str]]:
    """Delete the results of all other versions of a visit, as those of everyone else in the recording are.

    Return these versions, and the uploads of their pictures of the face: both are for `discard` once this is stored.
    """
    pictures: list[str] = []
    earlier = others(session, chosen)
    for recording in earlier:
        clear_samples(session, recording.id)
        session.execute(delete(StoredChunk).where(StoredChunk.recording_id == recording.id))
        recording.summary, recording.patient_track = None, None
        kept = {name: value for name, value in recording.settings.items() if name != "face_choice"}
        recording.settings = {**kept, REPLACED: why}
        pictures += _take_pictures(session, recording.id)
    tracks.say_of_replaced(session, chosen, why)
    digests.forget(session, chosen.patient_id)
    return [recording.id for recording in earlier], pictures


def discard(settings: Settings, recordings: list[str], pictures: list[str]) -> None:
    """Delete the files that `clear` left: previews, and pictures of the face."""
    uploads.discard(settings, pictures)
    for recording_id in recordings:
        previews.remove(settings, recording_id)


def _take_pictures(session: Session, recording_id: str) -> list[str]:
    job = session.scalar(select(Job).where(Job.recording_id == recording_id))
    if job is None:
        return []
    pictures = [source["id"] for source in job.sources if source.get("kind") == uploads.FACE]
    job.sources = [source for source in job.sources if source.get("kind") != uploads.FACE]
    # The same analysis may be asked for again.
    job.key = None
    return pictures
