"""Search seldom, look again in between: a second look into a face's window costs a twentieth of a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fer_core.faces.anchor import Anchor
from fer_core.faces.appearance import Appearance
from fer_core.faces.tracking import KEEP_LOST_S, Tracker, TrackerState
from fer_core.types import RGB, Box, Face

if TYPE_CHECKING:
    # torch: who joins what others found in segments has none.
    from fer_core.faces.detector import Detector

SEARCH_EVERY_S = 2.0
"""How long a newcomer can stay undetected while others are followed."""
SEARCH_COMPANY_EVERY_S, SEARCH_COMPANY_FRAMES = 0.15, 4
"""The same where several people are there, who come and go more often: so many seconds and frames must have passed."""
SEARCH_EMPTY_EVERY_S = 0.16
"""In an empty room; a person who comes in is found within 0.2 s, also where frames don't fall on that grid."""
SEARCH_AFTER_LOSS_S = 0.08
"""After a face got lost among others, the next search comes no earlier than this after the last one."""
SOUGHT_FOR_S = 0.6
"""So long a lost face is looked for where it was expected, beside those that are still followed."""
FOLLOWED_IOU = 0.3
CONFIRMED_IOU = 0.7
"""Where a search finds the face that a look found too, the look's box stays: one geometry from frame to frame."""
LARGER_WINDOW = 1.25
NEWCOMER = 0.95
"""So sure the detector has to be of a face for someone new to be there: on clips of napes, letters and paving its best
was 0.7 to 0.95, and on nearly every face 0.99. Who is followed already stays with less, turned away or in the dark."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A face, and how it was found: `window` of the look, None for a search; `searched_area`: px² of the box of a
    search that confirms the look."""

    face: Face
    window: Box | None = None
    searched_area: float | None = None


@dataclass(frozen=True, slots=True)
class FollowerState:
    """What the next frames' faces depend on: when the whole frame was last searched, frames since, when a shot began,
    who is followed, and where each is looked for."""

    searched_s: float
    frames: int
    cut_s: float | None
    tracker: TrackerState
    anchors: tuple[Anchor, ...]


class Follower:
    """Finds and numbers the faces of one video's frames, given one after the other."""

    def __init__(self, detector: Detector, search_every_s: float = SEARCH_EVERY_S) -> None:
        self._detector = detector
        self._tracker = Tracker()
        self._anchors: dict[int, Anchor] = {}
        self._appearance = Appearance()
        self._search_every_s = search_every_s
        self._searched_s = float("-inf")
        self._frames = 0
        self._cut_s: float | None = None
        self.searches = 0

    def state(self) -> FollowerState:
        """Return everything that the next frames depend on; to be taken after the first frame."""
        anchors = tuple(self._anchors.values())
        return FollowerState(self._searched_s, self._frames, self._cut_s, self._tracker.state(), anchors)

    @classmethod
    def resumed(cls, detector: Detector, state: FollowerState) -> Follower:
        """Return a follower that goes on where `state` was taken."""
        follower = cls(detector)
        follower._searched_s, follower._frames, follower._cut_s = state.searched_s, state.frames, state.cut_s
        follower._tracker = Tracker(state.tracker)
        follower._anchors = {anchor.number: anchor for anchor in state.anchors}
        return follower

    @property
    def numbers(self) -> list[int]:
        """The numbers of the faces that are followed, also of one that was lost a moment ago."""
        return self._tracker.numbers

    def forget_appearance(self) -> None:
        """Forget what faces look like, which no state holds: a pass that goes on from here does not know it either.

        Who is lost at this moment could not be recognised any more, and gets a new number.
        """
        self._appearance.forget()
        self._tracker.forget_lost()

    def faces(self, time_s: float, rgb: RGB, scale: float = 1.0, cut: bool = False) -> list[Face]:
        """Return the faces of the next frame with their tracks, boxes in px of `rgb`. Times must increase.

        `scale`: px of `rgb` per px of the video's own frame. `cut`: another shot began since the last frame, so nobody
        is who was there before.
        """
        if cut:
            self._tracker.forget()
            self._searched_s, self._cut_s = float("-inf"), time_s
        found = self._found(time_s, rgb, scale)
        self._appearance.look(time_s, rgb, [one.face for one in found], self._tracker.lost)
        numbered = self._tracker.update(time_s, [one.face for one in found], self._appearance.another)
        anchors = [self._anchored(face, one) for face, one in zip(numbered, found, strict=True)]
        followed = set(self._tracker.numbers)
        self._appearance.keep([face.track for face in numbered], followed)
        self._anchors = {number: one for number, one in self._anchors.items() if number in followed}
        self._anchors |= {anchor.number: anchor for anchor in anchors}
        return [replace(face, box=anchor.held, window=None) for face, anchor in zip(numbered, anchors, strict=True)]

    def _anchored(self, face: Face, found: _Found) -> Anchor:
        before = self._anchors.get(face.track)
        if found.window is None or before is None:
            return Anchor.searched(face, before)
        return before.seen(face, found.window, found.searched_area)

    def _found(self, time_s: float, rgb: RGB, scale: float) -> list[_Found]:
        since = time_s - self._searched_s
        self._frames += 1
        expected = self._tracker.expected(time_s)
        seen = self._look(rgb, self._tracker.expected(time_s, SOUGHT_FOR_S)) if expected else []
        if self._due(time_s, len(expected)):
            return self._search(time_s, rgb, scale, seen)
        lost = _without_face(expected.values(), [one.face for one in seen])
        if lost and (not seen or since >= SEARCH_AFTER_LOSS_S):
            return self._search(time_s, rgb, scale, seen)
        return seen

    def _due(self, time_s: float, expected: int) -> bool:
        """Return whether the whole frame is to be searched, whatever a look finds."""
        since_s = time_s - self._searched_s
        if not expected:
            fresh = self._cut_s is not None and time_s - self._cut_s <= SOUGHT_FOR_S
            return since_s >= (SEARCH_AFTER_LOSS_S if fresh else SEARCH_EMPTY_EVERY_S)
        company_due = since_s >= SEARCH_COMPANY_EVERY_S and self._frames >= SEARCH_COMPANY_FRAMES
        return since_s >= self._search_every_s or (expected > 1 and company_due)

    def _search(self, time_s: float, rgb: RGB, scale: float, seen: Sequence[_Found]) -> list[_Found]:
        """Search the whole frame; a look that agrees with the search stays, and so does one where it found nothing.

        Who is known is one face, the nearest; what else overlaps with a face is a part of it, as a forehead.
        """
        self._searched_s, self._frames = time_s, 0
        self.searches += 1
        faces = self._detector.detect([rgb], scale)[0]
        known = self._tracker.expected(time_s, KEEP_LOST_S).values()
        theirs = {row for box in known if (row := _nearest(box, faces)) is not None}
        found = [_confirmed(faces[row], seen) for row in sorted(theirs)]
        for row, face in enumerate(faces):
            begins = face.confidence > NEWCOMER or _at_edge(face.box, rgb)
            if row not in theirs and begins and _apart(face, found):
                found.append(_confirmed(face, seen))
        return found + [one for one in seen if _apart(one.face, found)]

    def _look(self, rgb: RGB, sought: Mapping[int, Box]) -> list[_Found]:
        """Return the faces that stand where tracks are expected."""
        seen = self._looked(rgb, {number: self._anchors[number].window_at(box) for number, box in sought.items()})
        missed = _without_face(sought.values(), [one.face for one in seen])
        # In a slightly larger window a face that came nearer or moved on is still inside.
        larger = {
            number: self._anchors[number].placed(box, LARGER_WINDOW) for number, box in sought.items() if box in missed
        }
        again = [
            replace(one, window=self._anchors[number].placed(one.face.box))
            for number, one in self._by_track(self._looked(rgb, larger), larger)
            if _apart(one.face, seen)
        ]
        return seen + again

    def _looked(self, rgb: RGB, windows: Mapping[int, Box]) -> list[_Found]:
        """Return the faces in the windows of tracks; one that has moved is looked at again in a window about it."""
        seen = self._by_track(self._looked_once(rgb, windows), windows)
        moved = {
            number: window
            for number, one in seen
            if (window := self._anchors[number].fitting(one.face.box, windows[number])) is not None
        }
        again = dict(self._by_track(self._looked_once(rgb, moved), moved))
        return [again.pop(number, one) for number, one in seen]

    def _looked_once(self, rgb: RGB, windows: Mapping[int, Box]) -> list[_Found]:
        """Return the faces in the windows of tracks, without those of a size that only a search may tell."""
        if not windows:
            return []
        faces = self._detector.refind([rgb], [list(windows.values())])[0]
        found = [_Found(face, face.window or face.box) for face in faces]
        return [
            replace(one, window=windows[number])
            for number, one in self._by_track(found, windows)
            if self._anchors[number].allows(one.face.box)
        ]

    @staticmethod
    def _by_track(found: Sequence[_Found], windows: Mapping[int, Box]) -> list[tuple[int, _Found]]:
        """Return each face with the track in whose window it was found."""
        return [
            (max(windows, key=lambda number: windows[number].iou(one.window or one.face.box)), one) for one in found
        ]


def _confirmed(face: Face, seen: Sequence[_Found]) -> _Found:
    """Return a face that a search found, as the look found it where both agree."""
    look = max(seen, key=lambda one: one.face.box.iou(face.box), default=None)
    if look is None or look.face.box.iou(face.box) < CONFIRMED_IOU:
        return _Found(face)
    return replace(look, searched_area=face.box.area)


def _nearest(box: Box, faces: Sequence[Face]) -> int | None:
    """Return which face overlaps most with the box of somebody known; None where none does enough."""
    row = max(range(len(faces)), key=lambda row: faces[row].box.iou(box), default=None)
    return row if row is not None and faces[row].box.iou(box) >= FOLLOWED_IOU else None


def _at_edge(box: Box, rgb: RGB) -> bool:
    """Return whether a box reaches the edge: of who comes in a part is seen, and the detector is less sure."""
    height, width = rgb.shape[:2]
    return box.left <= 0 or box.top <= 0 or box.right >= width or box.bottom >= height


def _apart(face: Face, seen: Sequence[_Found]) -> bool:
    return all(face.box.iou(other.face.box) < FOLLOWED_IOU for other in seen)


def _without_face(boxes: Iterable[Box], faces: Sequence[Face]) -> list[Box]:
    return [box for box in boxes if not any(face.box.iou(box) >= FOLLOWED_IOU for face in faces)]


def scaled(face: Face, factor: float) -> Face:
    """Return the face with box and landmarks multiplied, for a picture of another size."""
    points = face.landmarks
    return replace(
        face,
        box=face.box.scaled(factor),
        landmarks=tuple((x * factor, y * factor) for x, y in points) if points is not None else None,
    )
