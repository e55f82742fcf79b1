"""Detect seldom, follow in between: a second look around the last boxes costs a twentieth of a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fer_core.detector import Detector
from fer_core.tracking import Tracker
from fer_core.types import RGB, Box, Face

SEARCH_EVERY_S = 2.0
"""So long can a newcomer go unseen while others are followed."""
SEARCH_COMPANY_EVERY_S = 1.0
"""The same where several people are there, who come and go more often."""
SEARCH_EMPTY_EVERY_S = 0.4
SEARCH_AFTER_LOSS_S = 0.2
"""After a face got lost among others, the next search comes no earlier than this after the last one."""
SOUGHT_FOR_S = 0.6
"""So long a lost face is looked for where it was expected, beside those that are still followed."""
FOLLOWED_IOU = 0.3


class Follower:
    """Finds and numbers the faces of one video's frames, given one after the other."""

    def __init__(self, detector: Detector, search_every_s: float = SEARCH_EVERY_S) -> None:
        self._detector = detector
        self._tracker = Tracker()
        self._search_every_s = search_every_s
        self._searched_s = float("-inf")
        self.searches = 0

    def state(self) -> dict[str, Any]:
        """Return everything that the next frames depend on, as JSON holds it; to be taken after the first frame."""
        return {"searched_s": self._searched_s, "tracker": self._tracker.state()}

    @classmethod
    def resumed(cls, detector: Detector, state: dict[str, Any]) -> Follower:
        """Return a follower that goes on where `state` was taken."""
        follower = cls(detector)
        follower._searched_s = state["searched_s"]
        follower._tracker = Tracker.resumed(state["tracker"])
        return follower

    def faces(self, time_s: float, rgb: RGB, scale: float = 1.0) -> list[Face]:
        """Return the faces of the next frame with their tracks, boxes in px of `rgb`. Times must increase.

        `scale`: px of `rgb` per px of the video's own frame.
        """
        return self._tracker.update(time_s, self._found(time_s, rgb, scale))

    def _found(self, time_s: float, rgb: RGB, scale: float) -> list[Face]:
        since = time_s - self._searched_s
        expected = list(self._tracker.expected(time_s).values())
        sought = list(self._tracker.expected(time_s, SOUGHT_FOR_S).values())
        if since >= self._search_every_s or (len(expected) > 1 and since >= SEARCH_COMPANY_EVERY_S):
            return self._search(time_s, rgb, scale)
        if since >= SEARCH_EMPTY_EVERY_S and not expected:
            return self._search(time_s, rgb, scale)
        if not expected:
            return []
        # A slightly larger window beside the last box: a face that came nearer or moved on is still inside.
        windows = [window for box in sought for window in (box, _grown(box, 1.25))]
        seen = self._detector.refind([rgb], [windows])[0]
        lost = [box for box in expected if not any(face.box.iou(box) >= FOLLOWED_IOU for face in seen)]
        if lost and (not seen or since >= SEARCH_AFTER_LOSS_S):
            return self._search(time_s, rgb, scale)
        return seen

    def _search(self, time_s: float, rgb: RGB, scale: float) -> list[Face]:
        self._searched_s = time_s
        self.searches += 1
        return self._detector.detect([rgb], scale)[0]


def scaled(face: Face, factor: float) -> Face:
    """Return the face with box and landmarks multiplied, for a picture of another size."""
    box = face.box
    points = face.landmarks
    return replace(
        face,
        box=Box(box.left * factor, box.top * factor, box.right * factor, box.bottom * factor),
        landmarks=tuple((x * factor, y * factor) for x, y in points) if points is not None else None,
    )


def _grown(box: Box, factor: float) -> Box:
    wide, high = box.width * (factor - 1) / 2, box.height * (factor - 1) / 2
    return Box(box.left - wide, box.top - high, box.right + wide, box.bottom + high)
