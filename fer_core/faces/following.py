"""Detect seldom, follow in between: a second look around the last boxes costs a twentieth of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fer_core.faces.detector import Detector
from fer_core.faces.tracking import Tracker
from fer_core.types import RGB, Box, Face

SEARCH_EVERY_S = 2.0
"""So long can a newcomer go unseen while others are followed."""
SEARCH_COMPANY_EVERY_S, SEARCH_COMPANY_FRAMES = 0.15, 4
"""The same where several people are there, who come and go more often: so many seconds and frames must have passed."""
SEARCH_EMPTY_EVERY_S = 0.4
SEARCH_AFTER_LOSS_S = 0.08
"""After a face got lost among others, the next search comes no earlier than this after the last one."""
SOUGHT_FOR_S = 0.6
"""So long a lost face is looked for where it was expected, beside those that are still followed."""
FOLLOWED_IOU = 0.3
LARGER_WINDOW = 1.25


class Follower:
    """Finds and numbers the faces of one video's frames, given one after the other."""

    def __init__(self, detector: Detector, search_every_s: float = SEARCH_EVERY_S) -> None:
        self._detector = detector
        self._tracker = Tracker()
        self._search_every_s = search_every_s
        self._searched_s = float("-inf")
        self._frames = 0
        self.searches = 0

    def state(self) -> dict[str, Any]:
        """Return everything that the next frames depend on, as JSON holds it; to be taken after the first frame."""
        return {"searched_s": self._searched_s, "frames": self._frames, "tracker": self._tracker.state()}

    @classmethod
    def resumed(cls, detector: Detector, state: dict[str, Any]) -> Follower:
        """Return a follower that goes on where `state` was taken."""
        follower = cls(detector)
        follower._searched_s, follower._frames = state["searched_s"], state["frames"]
        follower._tracker = Tracker.resumed(state["tracker"])
        return follower

    def faces(self, time_s: float, rgb: RGB, scale: float = 1.0) -> list[Face]:
        """Return the faces of the next frame with their tracks, boxes in px of `rgb`. Times must increase.

        `scale`: px of `rgb` per px of the video's own frame.
        """
        return self._tracker.update(time_s, self._found(time_s, rgb, scale))

    def _found(self, time_s: float, rgb: RGB, scale: float) -> list[Face]:
        since = time_s - self._searched_s
        self._frames += 1
        company_due = since >= SEARCH_COMPANY_EVERY_S and self._frames >= SEARCH_COMPANY_FRAMES
        expected = list(self._tracker.expected(time_s).values())
        sought = list(self._tracker.expected(time_s, SOUGHT_FOR_S).values())
        if since >= self._search_every_s or (len(expected) > 1 and company_due):
            return self._search(time_s, rgb, scale, sought)
        if since >= SEARCH_EMPTY_EVERY_S and not expected:
            return self._search(time_s, rgb, scale, sought)
        if not expected:
            return []
        seen = self._look_again(rgb, sought, 1.0, [])
        # In a slightly larger window a face that came nearer or moved on is still inside.
        seen = self._look_again(rgb, sought, LARGER_WINDOW, seen)
        lost = _without_face(expected, seen)
        if lost and (not seen or since >= SEARCH_AFTER_LOSS_S):
            return self._search(time_s, rgb, scale, sought)
        return seen

    def _search(self, time_s: float, rgb: RGB, scale: float, sought: Sequence[Box]) -> list[Face]:
        """Search the whole frame; who was followed and isn't found so gets a second look."""
        self._searched_s, self._frames = time_s, 0
        self.searches += 1
        return self._look_again(rgb, sought, 1.0, self._detector.detect([rgb], scale)[0])

    def _look_again(self, rgb: RGB, sought: Sequence[Box], window: float, seen: list[Face]) -> list[Face]:
        """Return `seen` and the faces that stand where others are sought, in windows of so many sides of the box."""
        missed = _without_face(sought, seen)
        if not missed:
            return seen
        again = self._detector.refind([rgb], [[_grown(box, window) for box in missed]])[0]
        return seen + [face for face in again if all(face.box.iou(other.box) < FOLLOWED_IOU for other in seen)]


def scaled(face: Face, factor: float) -> Face:
    """Return the face with box and landmarks multiplied, for a picture of another size."""
    box = face.box
    points = face.landmarks
    return replace(
        face,
        box=Box(box.left * factor, box.top * factor, box.right * factor, box.bottom * factor),
        landmarks=tuple((x * factor, y * factor) for x, y in points) if points is not None else None,
    )


def _without_face(boxes: Sequence[Box], faces: Sequence[Face]) -> list[Box]:
    return [box for box in boxes if not any(face.box.iou(box) >= FOLLOWED_IOU for face in faces)]


def _grown(box: Box, factor: float) -> Box:
    wide, high = box.width * (factor - 1) / 2, box.height * (factor - 1) / 2
    return Box(box.left - wide, box.top - high, box.right + wide, box.bottom + high)
