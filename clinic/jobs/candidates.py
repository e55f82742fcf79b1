"""The candidate faces for the patient: when each is seen, together with which others, and small pictures of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from clinic.jobs import pictures, previews
from clinic.jobs.tracks import NEGLIGIBLE_SHARE, NO_FACE_TRACK, moments, splits_of, tracks_seen
from clinic.settings import Settings
from db.models import Recording, RecordingKind, Sample
from fer_core.faces import likeness
from fer_core.faces.likeness import Alike
from fer_core.media.image import read_image
from fer_core.types import Box

COMPARED_VIEWS = 4
"""So many of a face's small pictures along the video are compared: its first and last, and some between them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A face to choose: the share of the samples that show it, when it is seen first and last (seconds).

    `spans`: the stretches in which it is seen, seconds; `views`: small pictures along them, (second, JPEG) each.
    `suggested`: a proposal for the page to tick, for the clinician to confirm. In a video: the tracks that are never
    seen together with one that is seen more, so that they may be one person. Of pictures: none.
    `met`: the tracks that are seen with this one at some moment, so that they are other people.
    `name`: of pictures, what the file is called.
    """

    track: int
    share: float
    first_s: float
    last_s: float
    thumbnail: bytes | None
    suggested: bool
    met: frozenset[int] = frozenset()
    spans: tuple[tuple[float, float], ...] = ()
    views: tuple[tuple[float, bytes], ...] = ()
    name: str = ""


def candidates(session: Session, settings: Settings, recording_id: str) -> list[Candidate]:
    """Return the tracks of a recording, the one seen most first; of pictures in their order.

    The negligible ones of a video are left out, unless there are no others: a street has dozens of passers-by.
    """
    total = moments(session, recording_id)
    recording = session.get_one(Recording, recording_id)
    of_pictures = recording.kind == RecordingKind.PICTURES
    names = pictures.names(session, recording_id) if of_pictures else []
    suggested: list[int] = []
    found = []
    rows = tracks_seen(session, recording_id)
    parts = {number for one in splits_of(recording) for number in (one["track"], one["new"])}
    weighty = [row for row in rows if of_pictures or row[0] in parts or row[1] / total >= NEGLIGIBLE_SHARE]
    met = _met(session, recording_id)
    for track, count, first_s, last_s in weighty or rows:
        others = met.get(track, frozenset())
        proposed = not of_pictures and others.isdisjoint(suggested)
        if proposed:
            suggested.append(track)
        views = tuple(previews.views(settings, recording_id, track))
        small = previews.thumbnail(settings, recording_id, track) or (views[0][1] if views else None)
        spans = () if of_pictures else _spans(session, recording, track)
        name = names[round(first_s)] if round(first_s) < len(names) else ""
        found.append(Candidate(track, count / total, first_s, last_s, small, proposed, others, spans, views, name))
    return sorted(found, key=lambda one: (one.first_s, one.track)) if of_pictures else found


def probably_one(found: Sequence[Candidate]) -> list[Alike]:
    """Return the pairs of candidates of a video that look alike, the most alike first, for the page to ask about.

    Their small pictures are compared in memory; nothing of that is kept.
    """
    looks = {one.track: [likeness.look(read_image(io.BytesIO(jpeg))) for jpeg in _compared(one)] for one in found}
    together = {
        (a.track, b.track) for a, b in combinations(sorted(found, key=lambda one: one.track), 2) if b.track in a.met
    }
    return likeness.probably_one(looks, together)


def _compared(one: Candidate) -> list[bytes]:
    """Return the small pictures of a face to compare with others': the best one, and some from its whole time."""
    count = len(one.views)
    places = (
        sorted({round(place * (count - 1) / (COMPARED_VIEWS - 1)) for place in range(COMPARED_VIEWS)}) if count else []
    )
    along = [one.views[place][1] for place in places]
    return along if one.thumbnail is None else [one.thumbnail, *along]


def best_views(session: Session, recording_id: str) -> dict[int, tuple[int, Box]]:
    """Return, for each track, the frame and the box in px where it is seen largest and surest."""
    size = (Sample.right - Sample.left) * (Sample.bottom - Sample.top) * Sample.confidence
    rows = session.execute(
        select(Sample.track, Sample.frame_index, Sample.left, Sample.top, Sample.right, Sample.bottom)
        .where(Sample.recording_id == recording_id, Sample.track != NO_FACE_TRACK)
        .order_by(size, Sample.frame_index.desc())
    )
    # The last of each track is its best.
    return {
        track: (index, Box(left, top, right, bottom))
        for track, index, left, top, right, bottom in rows
        if left is not None and top is not None and right is not None and bottom is not None
    }


def spread_views(session: Session, recording_id: str, track: int, most: int) -> list[tuple[int, float, Box]]:
    """Return up to `most` moments of a track, evenly among those that show it: frame, second, and box in px."""
    rows = session.execute(
        select(Sample.frame_index, Sample.time_s, Sample.left, Sample.top, Sample.right, Sample.bottom)
        .where(Sample.recording_id == recording_id, Sample.track == track, Sample.left.is_not(None))
        .order_by(Sample.time_s)
    ).all()
    places = {round(place * (len(rows) - 1) / max(1, most - 1)) for place in range(most)} if rows else set()
    chosen: list[Any] = [rows[place] for place in sorted(places)]
    return [(index, time_s, Box(*corners)) for index, time_s, *corners in chosen]


def _spans(session: Session, recording: Recording, track: int) -> tuple[tuple[float, float], ...]:
    """Return the stretches in which a track of a video is seen, in seconds."""
    step_s = float(recording.settings.get("every_s") or 0.0) or 1.0
    of_track = (Sample.recording_id == recording.id) & (Sample.track == track)
    found: list[tuple[float, float]] = []
    for time_s in session.scalars(select(Sample.time_s).where(of_track).order_by(Sample.time_s)):
        if found and time_s - found[-1][1] <= 1.5 * step_s:
            found[-1] = (found[-1][0], time_s + step_s)
        else:
            found.append((time_s, time_s + step_s))
    return tuple(found)


def _met(session: Session, recording_id: str) -> dict[int, frozenset[int]]:
    """Return, for each track, the tracks that are seen at the same time."""
    one, other = aliased(Sample), aliased(Sample)
    pairs = session.execute(
        select(one.track, other.track)
        .join(other, (other.recording_id == one.recording_id) & (other.frame_index == one.frame_index))
        .where(one.recording_id == recording_id, one.track != NO_FACE_TRACK, other.track != NO_FACE_TRACK)
        .where(one.track != other.track)
        .distinct()
    )
    met: dict[int, set[int]] = {}
    for track, beside in pairs:
        met.setdefault(track, set()).add(beside)
    return {track: frozenset(beside) for track, beside in met.items()}
