"""Are the statements of the statistics true? Simulated patients, read by the functions that the pages use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import sentences
from benchmarks.cameras import CAMERAS, USUAL
from benchmarks.simulated_patients import MIX, Design, Floats, Sessions, lasting, patient, recorded
from clinic.patients.summaries import series_of
from clinic.patients.trends import trend
from db.models import RecordingKind
from fer_core.emotions import Emotion
from fer_core.reading.reading import read
from fer_core.reading.usual import BASELINE

SEED = 16
LATER = 12
"""Recordings after the baseline, in which a ring may come by chance."""

COVERAGE: dict[str, Design] = {
    "20 s, a label lasts 1 s": Design(seconds=20.2, dwell_s=1),
    "20 s, 3 s": Design(seconds=20.2, dwell_s=3),
    "1 min, 3 s": Design(seconds=60, dwell_s=3),
    "1 min, 10 s": Design(seconds=60, dwell_s=10),
    "5 min, 1 s": Design(seconds=300, dwell_s=1),
    "5 min, 10 s": Design(seconds=300, dwell_s=10),
    "5 min, 30 s": Design(seconds=300, dwell_s=30),
    "20 min, 10 s": Design(seconds=1200, dwell_s=10),
    "20 min, 30 s": Design(seconds=1200, dwell_s=30),
    "50 min, 10 s": Design(seconds=3000, dwell_s=10),
    "20 min, 3 s, phases of 5 min": Design(seconds=1200, dwell_s=3, phase_s=300),
    "50 min, 10 s, phases of 10 min": Design(seconds=3000, dwell_s=10, phase_s=600),
    "5 min, 3 s, every third sample missing": Design(dwell_s=3, uneven=0.33),
    "10 min, 3 s, half without a face": Design(seconds=600, dwell_s=3, lost=0.5),
    "5 min, 3 s, a sample a second": Design(dwell_s=3, step_s=1.0),
    "5 pictures": Design(pictures=5),
    "30 pictures": Design(pictures=30),
    "30 pictures, five of each moment": Design(pictures=30, burst=5),
    "5 min, 5 s, a few labels last far longer": Design(dwell_s=5, heavy=True),
    "20 min, 10 s, a few last far longer": Design(seconds=1200, dwell_s=10, step_s=0.5, heavy=True),
}

EVEN = Design(step_s=0.5)
"""Sampled less often than usual, so that 20 recordings of 100 patients are made in minutes."""
MIXED_MIN = (2, 5, 10, 20, 50)
TALK = [Design(seconds=1200, step_s=0.5)] * 20
RINGS: dict[str, tuple[Sequence[Design], Sessions]] = {
    "5 min each, sessions alike": ([EVEN] * 20, Sessions(spread=0.0)),
    "5 min each": ([EVEN] * 20, Sessions()),
    "5 min each, sessions very different": ([EVEN] * 20, Sessions(spread=0.4)),
    "20 min each, a label lasts 10 s": ([Design(seconds=1200, dwell_s=10, step_s=1.0)] * 20, Sessions(spread=0.3)),
    "2 to 50 min, mixed": (lasting(EVEN, MIXED_MIN * 4), Sessions()),
    "50 min, then 2 min": (lasting(EVEN, [50] * 8 + [2] * 12), Sessions()),
    "2 min, then 50 min": (lasting(EVEN, [2] * 8 + [50] * 12), Sessions()),
    "10 pictures each": ([Design(pictures=10)] * 20, Sessions()),
    "30 pictures each, five of each moment": ([Design(pictures=30, burst=5)] * 20, Sessions()),
    "5 min each, 5 s, a few labels last far longer": ([replace(EVEN, dwell_s=5, heavy=True)] * 20, Sessions()),
    "20 min, talk for another share each time": (TALK, Sessions(talk=0.4)),
    "the same, where it isn't known when the mouth moves": (TALK, Sessions(talk=0.4, mouth=False)),
    "20 min, much talk, little from the ninth on": (TALK, Sessions(talk=0.9, later_talk=0.3)),
    "20 min, little talk, much from the ninth on": (TALK, Sessions(talk=0.1, later_talk=0.6)),
    "the same, where that isn't known": (TALK, Sessions(talk=0.1, later_talk=0.6, mouth=False)),
    "each session like the one before by 0.3": ([EVEN] * 20, Sessions(spread=0.3, alike=0.3)),
    "each session like the one before by 0.5": ([EVEN] * 20, Sessions(spread=0.3, alike=0.5)),
    "the same, 20 min each, sessions very different": (TALK, Sessions(spread=0.4, alike=0.5)),
    "the same, by 0.7": (TALK, Sessions(spread=0.4, alike=0.7)),
}
POWER = {
    "5 min each": ([EVEN] * 20, Sessions()),
    "20 min each": ([Design(seconds=1200, step_s=1.0)] * 20, Sessions()),
    "20 min each, sessions very different": ([Design(seconds=1200, step_s=1.0)] * 20, Sessions(spread=0.4)),
    "20 min, talk for another share each time": (TALK, Sessions(talk=0.4)),
    "the same, where it isn't known when the mouth moves": (TALK, Sessions(talk=0.4, mouth=False)),
}

FILMED: dict[str, tuple[Sequence[Design], Sessions]] = {
    "the same throughout": ([EVEN] * 20, Sessions()),
    "width, sharpness, light and bits a pixel differ by 10 % each time": ([EVEN] * 20, Sessions(unsteady=0.1)),
    "they differ by 20 % each time": ([EVEN] * 20, Sessions(unsteady=0.2)),
    **{
        f"from the ninth on: {name}": ([EVEN] * 8 + [replace(EVEN, camera=camera)] * 12, Sessions())
        for name, camera in CAMERAS.items()
    },
    "one of four recordings in 40 % of the light": (
        [replace(EVEN, camera=CAMERAS["40 % of the light"] if number % 4 == 3 else USUAL) for number in range(20)],
        Sessions(),
    ),
    "slowly from 48 to 24 px": (
        [replace(EVEN, camera=USUAL.towards(CAMERAS["faces 24 px wide"], number / 19)) for number in range(20)],
        Sessions(),
    ),
    "slowly to blur, sigma 1 px": (
        [replace(EVEN, camera=USUAL.towards(CAMERAS["blur, sigma 1 px"], number / 19)) for number in range(20)],
        Sessions(),
    ),
    "slowly to JPEG, quality 20": (
        [replace(EVEN, camera=USUAL.towards(CAMERAS["JPEG, quality 20"], number / 19)) for number in range(20)],
        Sessions(),
    ),
}
"""Patients who don't change, filmed in other ways."""


@dataclass(frozen=True, slots=True)
class Covered:
    """How often intervals held the truth, 0 to 1, by label (8,), and how wide they were on average, (8,).

    `bias`: mean of share less truth, (8,).
    """

    name: str
    coverage: Floats
    width: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Power:
    """How often a change of `change` was marked within 3 and within 6 recordings, 0 to 1.

    NaN where the page reported a detectable change for no patient.
    """

    name: str
    change: float
    within_3: float
    within_6: float


def coverage(name: str, design: Design, recordings: int, seed: int = SEED) -> Covered:
    """Read simulated recordings and count how often the interval of each label holds the truth."""
    rng = np.random.default_rng(seed)
    held, widths, errors = [], [], []
    for _ in range(recordings):
        samples, truth = recorded(rng, MIX, design)
        settings = {"every_s": design.step_s}
        found = read(series_of(samples, RecordingKind.PICTURES if design.pictures else RecordingKind.VIDEO, settings))
        if not found.shares:
            continue
        low, high = np.array(found.low), np.array(found.high)
        held.append((low <= truth) & (truth <= high))
        widths.append(high - low)
        errors.append(np.array(found.shares) - truth)
    return Covered(name, np.mean(held, axis=0), np.mean(widths, axis=0), np.mean(errors, axis=0))


def false_rings(designs: Sequence[Design], sessions: Sessions, patients: int, seed: int = SEED) -> float:
    """Return the share of patients who don't change and still get a ring within `LATER` recordings."""
    rng = np.random.default_rng(seed)
    found = [trend(patient(rng, designs, sessions)) for _ in range(patients)]
    return float(np.mean([any(point.outside for point in each.points) for each in found]))


@dataclass(frozen=True, slots=True)
class Filmed:
    """Of patients who don't change, 0 to 1: who get a new line, a ring, and a ring where the camera isn't known.

    `judged`: of how many of the recordings after the eighth it could be said on average, 0 to 1.
    """

    new_line: float
    ring: float
    ring_unknown: float
    judged: float


def filmed(designs: Sequence[Design], sessions: Sessions, patients: int, seed: int = SEED) -> Filmed:
    """Count new lines and rings of patients who don't change but are filmed in other ways."""
    rng = np.random.default_rng(seed)
    found = [trend(patient(rng, designs, sessions)) for _ in range(patients)]
    return Filmed(
        float(np.mean([bool(each.changes) for each in found])),
        float(np.mean([any(point.outside for point in each.points) for each in found])),
        false_rings(designs, replace(sessions, camera_known=False), patients, seed),
        float(np.mean([point.usual_low is not None for each in found for point in each.points[BASELINE:]])),
    )


def power(
    name: str, designs: Sequence[Design], sessions: Sessions, patients: int, change: float | None, seed: int = SEED
) -> Power:
    """Return how often more sad-like time from the ninth recording on is marked.

    `change`: how much more, in shares of 1; None: as much as the page says would be seen in 8 of 10 cases within three.
    """
    rng = np.random.default_rng(seed)
    marks, changes = [], []
    for _ in range(patients):
        own = change
        if own is None:
            state = rng.bit_generator.state
            ranges = trend(patient(rng, designs[:BASELINE], sessions)).baseline
            own = ranges[Emotion.SAD].rise if ranges else None
            rng.bit_generator.state = state
        if own is None:
            continue
        changed = replace(sessions, change=own)
        points = trend(patient(rng, designs, changed)).points[BASELINE:]
        marks.append([Emotion.SAD in point.outside for point in points])
        changes.append(own)
    if not marks:
        return Power(name, math.nan, math.nan, math.nan)
    seen = np.array(marks)
    return Power(
        name, float(np.mean(changes)), float(seen[:, :3].any(axis=1).mean()), float(seen[:, :6].any(axis=1).mean())
    )


def table(recordings: int, patients: int) -> Iterator[str]:
    """Yield all figures as the lines of the tables in docs/statistics.md."""
    yield f"Seed {SEED}, {recordings} recordings and {patients} patients of each kind."
    yield from _coverage_rows(recordings)
    yield from _ring_rows(patients)
    yield from _filmed_rows(patients)
    yield from _power_rows(patients)
    yield from sentences.rows(patients)


def _coverage_rows(recordings: int) -> Iterator[str]:
    yield "\n| recording | coverage, lowest to highest label | of neutral | width, neutral | largest bias |"
    yield "| --- | --- | --- | --- | --- |"
    for name, design in COVERAGE.items():
        found = coverage(name, design, recordings)
        low, high, neutral = found.coverage.min(), found.coverage.max(), found.coverage[Emotion.NEUTRAL]
        width, bias = found.width[Emotion.NEUTRAL] * 100, np.abs(found.bias).max() * 100
        yield f"| {name} | {low:.0%} to {high:.0%} | {neutral:.0%} | {width:.0f} points | {bias:.1f} points |"


def _ring_rows(patients: int) -> Iterator[str]:
    yield "\n| patients who don't change | with a ring within 12 recordings |\n| --- | --- |"
    for name, kind in RINGS.items():
        yield f"| {name} | {false_rings(*kind, patients):.0%} |"


def _filmed_rows(patients: int) -> Iterator[str]:
    yield "\n| patients who don't change; their camera | new line | later ones judged | ring | where it isn't known |"
    yield "| --- | --- | --- | --- | --- |"
    for name, kind in FILMED.items():
        found = filmed(*kind, patients)
        yield f"| {name} | {found.new_line:.0%} | {found.judged:.0%} | {found.ring:.0%} | {found.ring_unknown:.0%} |"


def _power_rows(patients: int) -> Iterator[str]:
    yield "\n| patients who change | more sad-like time | ring within 3 | within 6 |\n| --- | --- | --- | --- |"
    for change in (0.15, None):
        for name, kind in POWER.items():
            seen = power(name, *kind, patients, change)
            if math.isnan(seen.change):
                yield f"| {name} | no change, as the page says | | |"
                continue
            said = f"{seen.change * 100:.0f} points" + ("" if change else ", as the page says")
            yield f"| {name} | {said} | {seen.within_3:.0%} | {seen.within_6:.0%} |"
