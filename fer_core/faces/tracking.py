"""Tracks of people within one recording, by position and motion only; no face template is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

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

Another = Callable[[int, int], bool]
"""Says whether the face in a row and a track's number are different people."""


@dataclass(frozen=True, slots=True)
class Track:
    """One followed face: its number, its last box in px and when that was seen, its velocity in px per second."""

    number: int
    box: Box
    seen_s: float
    velocity: tuple[float, float] = (0.0, 0.0)

    def expected(self, time_s: float) -> Box:
        """Return where the face is expected."""
        ahead = min(time_s - self.seen_s, COAST_S)
        return self.box.moved(self.velocity[0] * ahead, self.velocity[1] * ahead)

    def moved_to(self, box: Box, time_s: float) -> Track:
        """Return the track after its face was seen again."""
        step = time_s - self.seen_s
        velocity = self.velocity
        if step > 0:
            (x, y), (new_x, new_y), keep = self.box.middle, box.middle, VELOCITY_MEMORY
            velocity = (
                keep * velocity[0] + (1 - keep) * (new_x - x) / step,
                keep * velocity[1] + (1 - keep) * (new_y - y) / step,
            )
        return Track(self.number, box, time_s, velocity)

    def scaled(self, factor: float) -> Track:
        """Return the track in a picture of `factor` times the size."""
        velocity = (self.velocity[0] * factor, self.velocity[1] * factor)
        return Track(self.number, self.box.scaled(factor), self.seen_s, velocity)


@dataclass(frozen=True, slots=True)
class TrackerState:
    """The state for the next faces' numbers: the next number, and the tracks that may continue."""

    next: int = 0
    tracks: tuple[Track, ...] = ()

    def scaled(self, factor: float) -> TrackerState:
        """Return the state in pictures of `factor` times the size."""
        return TrackerState(self.next, tuple(track.scaled(factor) for track in self.tracks))


class Tracker:
    """Gives each face the number of its track, from 0, in the order of first appearance."""

    def __init__(self, state: TrackerState | None = None) -> None:
        state = state or TrackerState()
        self._tracks = list(state.tracks)
        self._next = state.next
        self._updated_s = float("-inf")

    def state(self) -> TrackerState:
        """Return everything that the next moments depend on."""
        return TrackerState(self._next, tuple(self._tracks))

    def forget(self) -> None:
        """Expect no known person: the next one found gets a new number."""
        self._tracks = []

    def forget_lost(self) -> None:
        """Expect none of those who were not seen at the last moment."""
        self._tracks = [track for track in self._tracks if track.seen_s == self._updated_s]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the tracks that may go on."""
        return [track.number for track in self._tracks]

    @property
    def lost(self) -> bool:
        """Whether a track that may go on was not seen at the last moment."""
        return len({track.seen_s for track in self._tracks}) > 1

    def expected(self, time_s: float, lost_for_s: float = 0.0) -> dict[int, Box]:
        """Return where each track is expected that was seen last no more than `lost_for_s` before the last update."""
        newest = max((track.seen_s for track in self._tracks), default=time_s)
        return {t.number: t.expected(time_s) for t in self._tracks if t.seen_s >= newest - lost_for_s}

    def update(self, time_s: float, faces: Sequence[Face], another: Another | None = None) -> list[Face]:
        """Return the faces of one moment with their track numbers, in the order given. Times must increase.

        `another(row, number)` says which faces can't go on which tracks.
        """
        self._updated_s = time_s
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= KEEP_LOST_S]
        matched = self._match(time_s, faces, another or _anyone)
        found = []
        for row, face in enumerate(faces):
            place = matched.get(row)
            if place is None:
                place = len(self._tracks)
                self._tracks.append(Track(self._next, face.box, time_s))
                self._next += 1
            else:
                self._tracks[place] = self._tracks[place].moved_to(face.box, time_s)
            found.append(replace(face, track=self._tracks[place].number))
        return found

    def claim(self, time_s: float, faces: Sequence[Face]) -> list[int]:
        """Return the numbers of faces as `update` gives them, but each track once: it is not expected any more."""
        numbers = [face.track for face in self.update(time_s, faces)]
        self._tracks = [track for track in self._tracks if track.number not in numbers]
        return numbers

    def _match(self, time_s: float, faces: Sequence[Face], another: Another) -> dict[int, int]:
        """Return the place in the list of tracks for each face that goes one on."""
        if not faces or not self._tracks:
            return {}
        from scipy.optimize import linear_sum_assignment  # here, for it takes as long to load as a picture to analyse

        tracks = self._tracks
        cost = np.array([[_cost(face.box, track.expected(time_s)) for track in tracks] for face in faces])
        for row, column in zip(*np.isfinite(cost).nonzero(), strict=True):
            if another(int(row), tracks[column].number):
                cost[row, column] = np.inf
        rows, columns = linear_sum_assignment(np.minimum(cost, 1e3))
        return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if np.isfinite(cost[r, c])}


def _anyone(row: int, number: int) -> bool:  # noqa: ARG001 the form of `Another`
    return False


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
