"""Who is who within one recording: tracks by position and motion alone; no template of anybody's face is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from fer_core.types import Box, Face

KEEP_LOST_S = 2.0
"""A face that comes back where it was expected within this time keeps its number."""
MIN_IOU = 0.15
MAX_DISTANCE = 1.0
"""Without overlap: distance of the middles, in sides of the box, up to which a face may be the same."""
VELOCITY_MEMORY = 0.5
COAST_S = 0.5
"""A lost face is expected to go on moving for so long, then to stand still."""
CHOSEN_IOU = 0.3
"""From this overlap on a face is the one that somebody drew a box around."""


@dataclass(slots=True)
class _Track:
    number: int
    box: Box
    seen_s: float
    velocity: tuple[float, float] = (0.0, 0.0)

    def expected(self, time_s: float) -> Box:
        ahead = min(time_s - self.seen_s, COAST_S)
        return self.box.moved(self.velocity[0] * ahead, self.velocity[1] * ahead)

    def take(self, box: Box, time_s: float) -> None:
        step = time_s - self.seen_s
        if step > 0:
            old, new = self.box.middle, box.middle
            measured = ((new[0] - old[0]) / step, (new[1] - old[1]) / step)
            self.velocity = tuple(  # type: ignore[assignment]
                VELOCITY_MEMORY * was + (1 - VELOCITY_MEMORY) * now
                for was, now in zip(self.velocity, measured, strict=True)
            )
        self.box, self.seen_s = box, time_s


class Tracker:
    """Gives each face the number of its track, from 0, in the order of first appearance."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._next = 0

    def state(self) -> dict[str, Any]:
        """Return everything that the next moments depend on, as JSON holds it."""
        return {"next": self._next, "tracks": [asdict(track) for track in self._tracks]}

    @classmethod
    def resumed(cls, state: dict[str, Any]) -> Tracker:
        """Return a tracker that goes on where `state` was taken."""
        tracker = cls()
        tracker._next = state["next"]
        tracker._tracks = [
            _Track(one["number"], Box(**one["box"]), one["seen_s"], (one["velocity"][0], one["velocity"][1]))
            for one in state["tracks"]
        ]
        return tracker

    def forget(self) -> None:
        """Expect nobody any more: whoever is found next gets a new number."""
        self._tracks = []

    @property
    def numbers(self) -> list[int]:
        """The numbers of the tracks that may go on."""
        return [track.number for track in self._tracks]

    def expected(self, time_s: float, lost_for_s: float = 0.0) -> dict[int, Box]:
        """Return where each track is expected that was seen last no more than `lost_for_s` before the last update."""
        newest = max((track.seen_s for track in self._tracks), default=time_s)
        return {t.number: t.expected(time_s) for t in self._tracks if t.seen_s >= newest - lost_for_s}

    def update(self, time_s: float, faces: Sequence[Face]) -> list[Face]:
        """Return the faces of one moment with their track numbers, in the order given. Times must increase."""
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= KEEP_LOST_S]
        matched = self._match(time_s, faces)
        found = []
        for row, face in enumerate(faces):
            track = matched.get(row)
            if track is None:
                track = _Track(self._next, face.box, time_s)
                self._tracks.append(track)
                self._next += 1
            else:
                track.take(face.box, time_s)
            found.append(replace(face, track=track.number))
        return found

    def claim(self, time_s: float, faces: Sequence[Face]) -> list[int]:
        """Return the numbers of faces as `update` gives them, but each track once: it is not expected any more."""
        numbers = [face.track for face in self.update(time_s, faces)]
        self._tracks = [track for track in self._tracks if track.number not in numbers]
        return numbers

    def _match(self, time_s: float, faces: Sequence[Face]) -> dict[int, _Track]:
        if not faces or not self._tracks:
            return {}
        tracks = self._tracks
        cost = np.array([[_cost(face.box, track.expected(time_s)) for track in tracks] for face in faces])
        rows, columns = linear_sum_assignment(np.minimum(cost, 1e3))
        return {int(r): tracks[c] for r, c in zip(rows, columns, strict=True) if np.isfinite(cost[r, c])}


def _cost(found: Box, expected: Box) -> float:
    """Return how unlikely it is that a face found here is the one expected there; infinite where it can't be."""
    overlap = found.iou(expected)
    (x, y), (ex, ey) = found.middle, expected.middle
    side = (expected.area * found.area) ** 0.25
    distance = float(np.hypot(x - ex, y - ey)) / side
    growth = abs(float(np.log(found.area / expected.area)))
    if (overlap < MIN_IOU and distance > MAX_DISTANCE) or growth > 1.4:
        return float("inf")
    cost: float = (1 - overlap) + 0.5 * distance + 0.25 * growth
    return cost
