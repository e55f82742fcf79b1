"""A clinic's week simulated: how long recordings wait for a worker, and for their results, after the mornings' rush."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

WEEKDAYS = 5
DAY_S, HOUR_S = 24 * 3600.0, 3600.0


@dataclass(frozen=True, slots=True)
class Clinic:
    """Who hands in how much. `a_day`: recordings of a clinician on a weekday, of `length_s` seconds on average.

    `rush`: the share of them that is handed in within the first hour; the others come over the next `hours`.
    """

    clinicians: int
    a_day: float
    length_s: float
    rush: float
    hours: float


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from handing in, shortest first: until a worker begins, and until the result is there.

    `busy`: share of the week's weekdays in which a worker works.
    """

    begun_s: list[float]
    done_s: list[float]
    busy: float

    def row(self, workers: int) -> str:
        """The same for people, in minutes."""
        figures = [_quantile(waits, share) / 60 for waits in (self.begun_s, self.done_s) for share in (0.5, 0.95, 1.0)]
        return f"{workers:>7}" + "".join(f"{figure:>10.1f}" for figure in figures) + f"{self.busy:>8.0%}"


HEAD = (
    f"{'':>7}{'until a worker begins, min':>30}{'until the result, min':>30}\n"
    f"{'workers':>7}{'median':>10}{'95 %':>10}{'most':>10}{'median':>10}{'95 %':>10}{'most':>10}{'busy':>8}"
)


def simulate(clinic: Clinic, workers: int, pace: float, seed: int = 0) -> Waits:
    """Let a week's recordings be worked off in their order; `pace`: seconds of video that a worker does in a second."""
    chance = random.Random(seed)  # noqa: S311 moments, no secrets
    recordings = sorted(_handed_in(clinic, chance))
    free_s = [0.0] * workers
    begun_s, done_s, worked_s = [], [], 0.0
    for at_s, length_s in recordings:
        begins_s = max(at_s, heapq.heappop(free_s))
        ends_s = begins_s + length_s / pace
        heapq.heappush(free_s, ends_s)
        begun_s.append(begins_s - at_s)
        done_s.append(ends_s - at_s)
        worked_s += ends_s - begins_s
    return Waits(sorted(begun_s), sorted(done_s), worked_s / (workers * WEEKDAYS * DAY_S))


def _handed_in(clinic: Clinic, chance: random.Random) -> list[tuple[float, float]]:
    """Return when each recording of a week comes, seconds, and how long it is: between half and one and a half."""
    found = []
    for day in range(WEEKDAYS):
        for _ in range(round(clinic.clinicians * clinic.a_day)):
            in_rush = chance.random() < clinic.rush
            hours = chance.random() if in_rush else 1 + chance.random() * clinic.hours
            found.append((day * DAY_S + hours * HOUR_S, clinic.length_s * chance.uniform(0.5, 1.5)))
    return found


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
