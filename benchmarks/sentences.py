"""Are the sentences on change and chance true? Simulated patients, as in `benchmarks.statements`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from benchmarks.simulated_patients import MIX, Design, Sessions, patient, recorded
from clinic.patients import discordance
from clinic.patients.summaries import series_of
from clinic.patients.trends import Trend, trend
from clinic.questionnaires.answers import Answer
from clinic.questionnaires.published import PHQ9
from clinic.questionnaires.scoring import score_total
from db.models import Recording, RecordingKind
from fer_core.emotions import Emotion
from fer_core.model.model_card import DEFAULT_MODEL, WEIGHTS_FOLDER, ModelCard
from fer_core.reading import usual
from fer_core.reading.adjusted import adjust
from fer_core.reading.reading import read
from fer_core.reading.usual import BASELINE

SEED = 17
SHORT, LONG = Design(step_s=1.0), Design(seconds=1200, dwell_s=5, step_s=2.0)
KINDS: dict[str, tuple[Design, Sessions]] = {
    "5 min each": (SHORT, Sessions()),
    "20 min each, sessions different": (LONG, Sessions(spread=0.3)),
    "20 min each, each session like the one before by 0.5": (LONG, Sessions(spread=0.3, alike=0.5)),
}
SAID = (Emotion.HAPPY, Emotion.SAD)
"""The labels whose sentences are checked."""


def by_chance(design: Design, sessions: Sessions, patients: int, seed: int = SEED) -> float:
    """Return how often two later recordings differ by less than the page says that chance makes (it says 95 %)."""
    rng = np.random.default_rng(seed)
    less = []
    for _ in range(patients):
        found = trend(patient(rng, [design] * (BASELINE + 4), sessions))
        later = [point.shares for point in found.points[BASELINE:] if point.shares is not None]
        for first, second in zip(later[::2], later[1::2], strict=True):
            less += [abs(first[one] - second[one]) < found.baseline[one].chance for one in SAID if found.baseline]
    return float(np.mean(less))


def seen(design: Design, sessions: Sessions, sign: int, patients: int, seed: int = SEED) -> float:
    """Return how often a rise (1) or fall (-1) as large as the page names gets a ring within three (it says 80 %)."""
    rng = np.random.default_rng(seed)
    marks = []
    for number in range(patients):
        label = SAID[number % len(SAID)]
        state = rng.bit_generator.state
        ranges = trend(patient(rng, [design] * BASELINE, sessions)).baseline
        change = None if ranges is None else ranges[label].rise if sign > 0 else ranges[label].fall
        if change is None:
            continue
        rng.bit_generator.state = state
        changed = replace(sessions, changed=label, change=sign * change)
        points = trend(patient(rng, [design] * (BASELINE + 3), changed)).points[BASELINE:]
        marks.append(any(label in point.outside for point in points))
    return float(np.mean(marks)) if marks else math.nan


def noise_ratio(design: Design, recordings: int, seed: int = SEED) -> float:
    """Return the noise floor as a multiple of the true standard error, the mean over the labels (it should be 1)."""
    rng = np.random.default_rng(seed)
    halves, shares, sizes, errors = [], [], [], []
    for _ in range(recordings):
        samples, truth = recorded(rng, MIX, design)
        found = read(series_of(samples, RecordingKind.VIDEO, {"every_s": design.step_s}))
        halves.append((np.array(found.halves[0]), np.array(found.halves[1])))
        shares.append(found.shares)
        sizes.append(found.sizes)
        errors.append(np.array(found.shares) - truth)
    floor = usual.noise_floor(halves, np.array(shares), np.array(sizes))
    return float((floor / np.sqrt(np.mean(np.square(errors), axis=0))).mean())


def adjusted_coverage(size: int, own: float | None, mixtures: int, seed: int = SEED) -> tuple[float, float]:
    """Return how often intervals of adjusted shares hold the truth: of the expression with the lowest, and of all.

    `own`: the patient's rates are drawn around the card's (Dirichlet, so many faces a row); None for the card's own.
    """
    rng = np.random.default_rng(seed)
    given = np.array(ModelCard.load(WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json").given, np.float64)
    card = given / given.sum(axis=1, keepdims=True)
    held = []
    for _ in range(mixtures):
        true = rng.dirichlet(20 * MIX[: len(Emotion)] / MIX[: len(Emotion)].sum() + 0.05)
        rates = card if own is None else np.array([rng.dirichlet(own * row + 0.05) for row in card])
        found = adjust(rng.multinomial(size, true @ rates) / size, size, given)
        if found is not None:
            held.append((found.low <= true) & (true <= found.high))
    return float(np.mean(held, axis=0).min()), float(np.mean(held))


def apart(sessions: Sessions, coefficient: float, patients: int, seed: int = SEED) -> float:
    """Return how many of 100 patients who don't change are said, within a year, to have self-report and face apart.

    A recording of five minutes each week and a PHQ-9 each month, whose error is that of a reliability of `coefficient`.
    """
    rng = np.random.default_rng(seed)
    return 100 * float(np.mean([_apart(rng, sessions, coefficient) for _ in range(patients)]))


def _apart(rng: np.random.Generator, sessions: Sessions, coefficient: float) -> bool:
    recordings = patient(rng, [replace(SHORT, step_s=4.0)] * 52, sessions)
    answers = _answers(rng, recordings, coefficient)
    points = trend(recordings).points
    return any(
        discordance.find(
            Trend(points[: number + 1], (), None, None),
            [one for one in answers if one.answered_on <= points[number].recorded_on],
        )
        for number in range(BASELINE, len(points))
        if points[number].outside
    )


def _answers(rng: np.random.Generator, recordings: Sequence[Recording], coefficient: float) -> list[Answer]:
    """Return a PHQ-9 of every fourth recording's day, the newest first."""
    error = (PHQ9.reliability.spread if PHQ9.reliability else 0.0) * np.sqrt(1 - coefficient)
    found = []
    for number, recording in enumerate(recordings[::4]):
        total = float(np.clip(round(12 + rng.normal(0, error)), 0, 27))
        day = recording.recorded_on + timedelta(days=1)
        found.append(Answer(str(number), number, PHQ9, day, None, score_total(PHQ9, total), "total", None))
    return found[::-1]


def rows(patients: int) -> Iterator[str]:
    """Yield the lines of the tables on sentences."""
    yield "\n| patients | differ by less, of 95 % | rise seen, of 80 % | fall seen, of 80 % |"
    yield "| --- | --- | --- | --- |"
    for name, (design, sessions) in KINDS.items():
        less = by_chance(design, sessions, 2 * patients)
        rise, fall = (seen(design, sessions, sign, 2 * patients) for sign in (1, -1))
        yield f"| {name} | {less:.0%} | {_percent(rise)} | {_percent(fall)} |"
    yield "\n| a label lasts | noise floor by the true standard error |\n| --- | --- |"
    for dwell_s in (3, 10, 30):
        yield f"| {dwell_s} s, of 5 min | {noise_ratio(Design(dwell_s=dwell_s, step_s=0.5), patients):.1f} |"
    yield "\n| adjusted shares | independent moments | coverage, lowest | of all |\n| --- | --- | --- | --- |"
    for size in (60, 300):
        for name, own in (("the card's rates", None), ("own rates, as of 100 faces", 100), ("of 30 faces", 30)):
            lowest, whole = adjusted_coverage(size, own, 4 * patients)
            yield f"| {name} | {size} | {lowest:.0%} | {whole:.0%} |"
    yield "\n| nobody changes, a year | self-report and expression apart |\n| --- | --- |"
    for name, sessions in (("sessions alike", Sessions()), ("each like the one before by 0.3", Sessions(0.3, 0.3))):
        for coefficient in (0.84, 0.74):
            found = apart(sessions, coefficient, 2 * patients)
            yield f"| {name}; retest of the PHQ-9 {coefficient:g} | {found:.0f} of 100 |"


def _percent(share: float) -> str:
    return "none is named" if math.isnan(share) else f"{share:.0%}"
