"""The patient's face: the candidate faces of a recording, and keeping only one person's results.

People are followed by position, so one person may have several tracks (left the picture and came back) and the same
number never means the same person in another recording. Nobody is recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from clinic.patients.summaries import summarise_recording
from clinic.recordings.marks import REPLACED
from db.models import Recording, Sample
from db.records import load_samples
from fer_core.errors import FerError
from fer_core.types import Box, Status

NO_FACE_TRACK = -1
ALONE_TRACK = 0
"""In a recording of pictures, the track of the faces that were alone in their picture."""
SAME_IOU, SAME_SHARE = 0.5, 0.95
"""A choice is carried over to a new version where in so large a share of the moments the boxes overlap so much."""
ASKED = "choose"
"""The setting of a version that was made to choose again: the number of the versions before it."""
NEGLIGIBLE_SHARE = 0.05
"""A face seen in less than this share of the samples is taken for a passer-by or a picture on the wall."""


def choose_automatically(session: Session, recording: Recording) -> bool:
    """Keep the one face if no choice is needed; return whether that was so.

    There is none or one, all others are negligible, or it is the face that was chosen in an earlier version. Somebody
    who wants to choose again (`ASKED`) is asked in any case, as where another face was chosen since this was queued.
    """
    before = session.get(Recording, recording.settings.get("chosen_in", ""))
    asked = recording.settings.get(ASKED) or (before is not None and before.settings.get(REPLACED))
    if asked and tracks_seen(session, recording.id):
        return False
    carried = _carried(session, recording)
    if carried is not None:
        keep(session, recording, carried, how="carried")
        return True
    counted = tracks_seen(session, recording.id)
    if len(counted) <= 1:
        keep(session, recording, [track for track, *_ in counted], how="only")
        return True
    total = moments(session, recording.id)
    weighty = [track for track, count, *_ in counted if count / total >= NEGLIGIBLE_SHARE]
    if len(weighty) == 1 and recording.kind == "video":
        keep(session, recording, weighty, how="others_negligible")
        return True
    return False


def keep(session: Session, recording: Recording, chosen: Sequence[int], how: str) -> None:
    """Reduce a recording to the chosen tracks under one number, and make its summary.

    `how` is kept in the recording's settings with what was left out: ``only``, ``others_negligible``, ``clinician``,
    ``carried`` over from the version before.
    Where two chosen tracks share a moment, the one seen more is kept. Raises ValueError for an unknown track.
    """
    counted = {track: count for track, count, *_ in tracks_seen(session, recording.id)}
    if not set(chosen) <= set(counted) or (counted and not chosen):
        raise ValueError("not a face of this recording")
    total = moments(session, recording.id)
    ordered = sorted(set(chosen), key=lambda track: -counted[track])
    others = {track: count / total for track, count in counted.items() if track not in ordered}
    for track in ordered[1:]:
        _merge(session, recording.id, ordered[0], track)
    if ordered:
        _leave_gaps(session, recording.id, ordered[0])
        recording.patient_track = ordered[0]
    recording.settings = {**recording.settings, "face_choice": _choice(how, ordered, others)}
    session.flush()
    recording.summary = summarise_recording(session, recording)
    make_current(session, recording)


def split(session: Session, recording: Recording, track: int, at_s: float) -> int:
    """Split a face that turns into another person at a moment (seconds); return the number of the second face.

    Raises FerError ``nothing_to_split`` where it isn't seen both before that moment and from it on.
    """
    of_track = (Sample.recording_id == recording.id) & (Sample.track == track)
    first_s, last_s = session.execute(select(func.min(Sample.time_s), func.max(Sample.time_s)).where(of_track)).one()
    if track == NO_FACE_TRACK or first_s is None or not first_s < at_s <= last_s:
        raise FerError("This face is not seen both before and after that moment.", "nothing_to_split")
    highest = select(func.max(Sample.track)).where(Sample.recording_id == recording.id)
    new = (session.scalar(highest) or 0) + 1
    session.execute(update(Sample).where(of_track, Sample.time_s >= at_s).values(track=new))
    made = {"track": track, "at_s": at_s, "new": new}
    recording.settings = {**recording.settings, "splits": [*splits_of(recording), made]}
    return new


def splits_of(recording: Recording) -> list[dict[str, Any]]:
    """Return how faces were split, in order: ``track``, the moment ``at_s`` in seconds, the ``new`` track from it."""
    found: list[dict[str, Any]] = recording.settings.get("splits", [])
    return found


def need_one_person(session: Session, recording_id: str, chosen: Sequence[int]) -> None:
    """Refuse faces that are seen at the same moment, because they are two people.

    Raises FerError ``two_people``.
    """
    tracks_at = session.scalars(
        select(func.count(Sample.track.distinct()))
        .where(Sample.recording_id == recording_id, Sample.track.in_(chosen))
        .group_by(Sample.frame_index)
    ).all()
    if any(tracks > 1 for tracks in tracks_at):
        raise FerError(
            "Some of these faces are seen at the same moment, so they are different people. Please choose only the"
            " patient's faces.",
            "two_people",
        )


def make_current(session: Session, recording: Recording) -> None:
    """Let lists and trends show this version of its visit, now that it has a result; the others are kept beside."""
    visit_id = recording.version_of or recording.id
    visit = or_(Recording.id == visit_id, Recording.version_of == visit_id)
    shown = update(Recording).where(visit).values(current=Recording.id == recording.id)
    session.execute(shown.execution_options(synchronize_session=False))
    session.refresh(recording, ["current"])


def chosen_of(recording: Recording) -> list[int] | None:
    """Return the tracks that were chosen as the patient's in a recording, None where that is open."""
    choice: dict[str, Any] = recording.settings.get("face_choice", {})
    return choice.get("tracks")


def _carried(session: Session, recording: Recording) -> list[int] | None:
    """Return the tracks that the version before was reduced to, if they show the same face here; else None.

    Nobody is recognised: the boxes lie where they lay, moment by moment.
    """
    before = session.get(Recording, recording.settings.get("chosen_in", ""))
    chosen = chosen_of(before) if before is not None else None
    if before is None or not chosen:
        return None
    old, new = _boxes(session, before.id, None), _boxes(session, recording.id, chosen)
    if not old:
        return None
    met = sum(at in new and box.iou(new[at]) >= SAME_IOU for at, box in old.items())
    if met < SAME_SHARE * len(old.keys() | new.keys()):
        return None
    present = {track for track, *_ in tracks_seen(session, recording.id)}
    return [track for track in chosen if track in present]


def _boxes(session: Session, recording_id: str, among: Sequence[int] | None) -> dict[int, Box]:
    """Return the box in each frame that shows one of the tracks (None: any); of several in a frame the largest."""
    found = load_samples(session, recording_id)
    boxes: dict[int, Box] = {}
    for index, track, corners in zip(
        found.frame_index.tolist(), found.track.tolist(), found.boxes.tolist(), strict=True
    ):
        if track == NO_FACE_TRACK or (among is not None and track not in among):
            continue
        box = Box(*corners)
        if index not in boxes or box.area > boxes[index].area:
            boxes[index] = box
    return boxes


def _choice(how: str, chosen: list[int], others: dict[int, float]) -> dict[str, Any]:
    """Return what the recording remembers of the choice; `left_out` is the share of samples with each other face."""
    return {"how": how, "tracks": chosen, "left_out": [round(share, 4) for share in others.values()]}


def tracks_seen(session: Session, recording_id: str) -> list[tuple[int, int, float, float]]:
    """Return (track, samples, first second, last second) of each face track, the most samples first."""
    rows = session.execute(
        select(Sample.track, func.count(), func.min(Sample.time_s), func.max(Sample.time_s))
        .where(Sample.recording_id == recording_id, Sample.track != NO_FACE_TRACK)
        .group_by(Sample.track)
        .order_by(func.count().desc(), Sample.track)
    )
    return [(track, count, first_s, last_s) for track, count, first_s, last_s in rows]


def moments(session: Session, recording_id: str) -> int:
    """Return the number of samples of the recording, those without a face too; at least 1."""
    count = select(func.count(Sample.frame_index.distinct())).where(Sample.recording_id == recording_id)
    return max(1, session.scalar(count) or 0)


def _frames_of(recording_id: str, tracks: Sequence[int]) -> Any:
    """Return the subquery of the frames in which one of the tracks is seen."""
    return select(Sample.frame_index).where(Sample.recording_id == recording_id, Sample.track.in_(tracks))


def _merge(session: Session, recording_id: str, into: int, track: int) -> None:
    """Give the track the number `into`; where both are seen, `into` stays."""
    of_track = (Sample.recording_id == recording_id) & (Sample.track == track)
    taken = session.scalars(_frames_of(recording_id, [into])).all()
    session.execute(delete(Sample).where(of_track, Sample.frame_index.in_(taken)))
    session.execute(update(Sample).where(of_track).values(track=into))


def _leave_gaps(session: Session, recording_id: str, track: int) -> None:
    """Delete everyone else; a moment that showed only others becomes one without a face."""
    here = Sample.recording_id == recording_id
    known = _frames_of(recording_id, [track, NO_FACE_TRACK])
    absent = session.execute(
        select(Sample.frame_index, func.min(Sample.time_s))
        .where(here, Sample.frame_index.not_in(known))
        .group_by(Sample.frame_index)
    ).all()
    session.execute(delete(Sample).where(here, Sample.track.not_in([track, NO_FACE_TRACK])))
    if absent:
        gap = {"recording_id": recording_id, "track": NO_FACE_TRACK, "status": Status.NO_FACE.value}
        session.execute(insert(Sample), [{**gap, "frame_index": index, "time_s": time_s} for index, time_s in absent])
