"""The patient's face: the candidate faces of a recording, and keeping only one person's results.

People are followed by position, so one person may have several tracks (left the picture and came back) and the same
number never means the same person in another recording. Nobody is recognised. Of pictures, each one's face has a
number of its own (`pictures`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from clinic import phrases
from clinic.jobs import pictures
from clinic.patients.doubts import ASKED
from clinic.patients.states import REPLACED, Replaced
from clinic.patients.summaries import summarise_recording
from db.models import Recording, RecordingKind, Sample
from db.records import load_samples
from fer_core.errors import FerError
from fer_core.types import Box, Status

NO_FACE_TRACK = -1
SAME_IOU, SAME_SHARE = 0.5, 0.95
"""A choice is carried over to a version that shows so large a share of its moments, with boxes that overlap so much."""
BY_PERSON = ("clinician", "carried")
"""How a face was chosen where a person did it; what earlier versions of the program carried over may be either."""
NEGLIGIBLE_SHARE = 0.05
"""A face seen in less than this share of the samples is taken for a passer-by or a picture on the wall."""


def choose_automatically(session: Session, recording: Recording) -> bool:
    """Keep the one face if no choice is needed; return whether that was so.

    There is none or one, all others are negligible, or it is the face that was chosen in the version that is shown.
    Pictures are asked about where several show a face, also if each shows one alone: they are not compared.
    It is asked in any case where somebody wants to choose again (`ASKED`), and where a person's earlier choice can't
    be carried over: a face that a person chose is not replaced by the only one that is left.
    """
    counted = tracks_seen(session, recording.id)
    if recording.settings.get(ASKED) and counted:
        return False
    before = _before(session, recording)
    carried = _carried(session, recording, before) if before is not None else None
    if before is not None and carried is not None:
        keep(session, recording, carried, how="carried", carried_from=_chosen_how(before))
        return True
    picked = _alone(session, recording, counted)
    if picked is None or (counted and before is not None and not _may_follow(session, recording, picked[0], before)):
        return False
    keep(session, recording, *picked)
    return True


def _before(session: Session, recording: Recording) -> Recording | None:
    """Return the version of the visit whose choice of face counts so far: the one that is shown, if it isn't this."""
    shown = select(Recording).where(_of_visit(recording), Recording.current, Recording.id != recording.id)
    return session.scalar(shown) or session.get(Recording, recording.settings.get("chosen_in", ""))


def _of_visit(recording: Recording) -> ColumnElement[bool]:
    visit_id = recording.version_of or recording.id
    return or_(Recording.id == visit_id, Recording.version_of == visit_id)


def _alone(
    session: Session, recording: Recording, counted: Sequence[tuple[int, int, float, float]]
) -> tuple[list[int], str] | None:
    """Return the face that needs no choice, and why; None where there are several."""
    faces = len(counted) if recording.kind == RecordingKind.VIDEO else sum(count for _, count, *_ in counted)
    if faces <= 1:
        return [track for track, *_ in counted], "only"
    total = moments(session, recording.id)
    weighty = [track for track, count, *_ in counted if count / total >= NEGLIGIBLE_SHARE]
    return (weighty, "others_negligible") if len(weighty) == 1 and recording.kind == RecordingKind.VIDEO else None


def _may_follow(session: Session, recording: Recording, picked: Sequence[int], before: Recording) -> bool:
    """Return whether a face that needs no choice may come after an earlier version's: nobody chose there."""
    if before.settings.get(REPLACED) or _chosen_how(before) in BY_PERSON:
        return False
    return before.patient_track is None or _meet(
        _boxes(session, before.id, None), _boxes(session, recording.id, picked), unknown=True
    )


def _chosen_how(recording: Recording) -> str | None:
    """Return how a recording's face was chosen, of a choice that was carried over how it was at first."""
    choice: dict[str, Any] = recording.settings.get("face_choice", {})
    return choice.get("carried_from") or choice.get("how")


def shows_another(session: Session, recording: Recording, chosen: Sequence[int], earlier: Recording) -> bool:
    """Return whether an earlier version shows another face as the patient's than these, or that can't be known."""
    if earlier.patient_track is None:
        return False
    return not _meet(_boxes(session, earlier.id, None), _boxes(session, recording.id, chosen), unknown=False)


def _meet(old: Mapping[int, Box], new: Mapping[int, Box], unknown: bool) -> bool:
    """Return whether two versions show one face: in the moments that both have, their boxes overlap.

    `unknown`: the answer where the samples of the older one are no longer kept.
    """
    if not old:
        return unknown
    shared = old.keys() & new.keys()
    met = sum(old[at].iou(new[at]) >= SAME_IOU for at in shared)
    return bool(shared) and met >= SAME_SHARE * len(shared)


def keep(
    session: Session, recording: Recording, chosen: Sequence[int], how: str, carried_from: str | None = None
) -> None:
    """Reduce a recording to the chosen tracks under one number, and make its summary.

    `how` is kept in the recording's settings with what was left out: ``only``, ``others_negligible``, ``clinician``,
    ``carried`` over from the version before; `carried_from`: how it was chosen at first.
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
        say_of_replaced(session, recording, Replaced.CHOSEN)
    choice = _choice(how, ordered, others) | ({"carried_from": carried_from} if carried_from else {})
    if recording.kind == RecordingKind.PICTURES:
        choice[pictures.CONFIRMED] = len(ordered)
    kept = {name: value for name, value in recording.settings.items() if name != REPLACED}
    recording.settings = {**kept, "face_choice": choice}
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


def need_one_person(session: Session, recording: Recording, chosen: Sequence[int]) -> None:
    """Refuse faces that are seen at the same moment, or in one picture, because they are two people.

    Raises FerError ``two_people``.
    """
    together = session.scalars(
        select(func.min(Sample.time_s))
        .where(Sample.recording_id == recording.id, Sample.track.in_(chosen))
        .group_by(Sample.frame_index)
        .having(func.count(Sample.track.distinct()) > 1)
        .order_by(Sample.frame_index)
    ).all()
    if not together:
        return
    where = f"At {together[0]:.1f} s several of these faces are seen"
    if recording.kind == RecordingKind.PICTURES:
        numbers = phrases.all_of([str(pictures.number_at(time_s)) for time_s in together])
        where = f"In {'picture' if len(together) == 1 else 'pictures'} {numbers} several faces are ticked"
    raise FerError(f"{where}: they are different people. Please choose only the patient's faces.", "two_people")


def make_current(session: Session, recording: Recording) -> None:
    """Let lists and trends show this version of its visit, now that it has a result; the others are kept beside."""
    shown = update(Recording).where(_of_visit(recording)).values(current=Recording.id == recording.id)
    session.execute(shown.execution_options(synchronize_session=False))
    session.refresh(recording, ["current"])


def say_of_replaced(session: Session, recording: Recording, why: Replaced) -> None:
    """Let every other version of a visit whose result was deleted say what holds now, not what held at that time."""
    for other in session.scalars(select(Recording).where(_of_visit(recording), Recording.id != recording.id)):
        if other.settings.get(REPLACED):
            other.settings = {**other.settings, REPLACED: why}


def chosen_of(recording: Recording) -> list[int] | None:
    """Return the tracks that were chosen as the patient's in a recording, None where that is open."""
    choice: dict[str, Any] = recording.settings.get("face_choice", {})
    return choice.get("tracks")


def _carried(session: Session, recording: Recording, before: Recording) -> list[int] | None:
    """Return the tracks that the version before was reduced to, if they show the same face here; else None.

    Nobody is recognised: the boxes lie where they lay, moment by moment. No moment is taken that the version before
    gave to nobody: it may be one that a split or a choice left to somebody else.
    """
    chosen = chosen_of(before)
    if not chosen:
        return None
    old = _boxes(session, before.id, None)
    if recording.kind == RecordingKind.PICTURES:
        return _carried_pictures(session, recording, chosen, old)
    new = _boxes(session, recording.id, chosen)
    if not old:
        return None
    proven = {at for at, box in old.items() if at in new and box.iou(new[at]) >= SAME_IOU}
    if len(proven) < SAME_SHARE * len(old) or not new.keys() <= proven:
        return None
    present = {track for track, *_ in tracks_seen(session, recording.id)}
    return [track for track in chosen if track in present]


def _carried_pictures(
    session: Session, recording: Recording, chosen: Sequence[int], old: Mapping[int, Box]
) -> list[int] | None:
    """Return the faces that lie where the patient's lay, picture by picture; None where one is missing.

    Faces of several pictures that an earlier version of the program gave one number were chosen by nobody.
    """
    if len(chosen) < len(old):
        return None
    same = pictures.same_faces(session, recording.id, old, SAME_IOU)
    return list(same.values()) if old and same.keys() == old.keys() else None


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
    """Delete everyone else; a moment that showed only others keeps that as its reason."""
    here = Sample.recording_id == recording_id
    known = _frames_of(recording_id, [track, NO_FACE_TRACK])
    absent = session.execute(
        select(Sample.frame_index, func.min(Sample.time_s))
        .where(here, Sample.frame_index.not_in(known))
        .group_by(Sample.frame_index)
    ).all()
    session.execute(delete(Sample).where(here, Sample.track.not_in([track, NO_FACE_TRACK])))
    if absent:
        gap = {"recording_id": recording_id, "track": NO_FACE_TRACK, "status": Status.OTHERS.value}
        session.execute(insert(Sample), [{**gap, "frame_index": index, "time_s": time_s} for index, time_s in absent])
