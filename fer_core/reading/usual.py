"""A patient's usual range of each share, from the first recordings, and which later ones lie outside of it.

A share is judged on the scale of its arcsine, on which the chance of sampling is the same for all shares: Anscombe
1948, doi 10.1093/biomet/35.3-4.246. Pure functions; the columns are labels, "uncertain" among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fer_core.reading.intervals import Floats, student_quantile

BASELINE = 8
"""So many recordings make the baseline; it is fixed then, so that a lasting change doesn't become the usual."""
OUTSIDE_BY_CHANCE = 0.03
"""How often one recording of a patient who doesn't change is outside, on one of both sides, for one label."""
MIN_CHANGE = 0.02
"""A change of less than two percentage points is never called unusual."""
ALIKE = 2.0
"""Sessions that follow each other resemble each other, so the mean of eight is worth four: its variance is doubled."""
SEEN, SEEN_WITHIN = 0.8, 3
"""What a change must be to be seen so often, within so many recordings."""
FALSE_RINGS_OF_100 = (10, 60)
"""Of 100 simulated patients who don't change, so many at most had a mark within 12 recordings, and so many where long
sessions resembled the ones before by 0.5 to 0.7; see docs/statistics.md."""


_NORMAL = np.linspace(-8, 8, 1601)
_NORMAL_CDF = np.array([NormalDist().cdf(value) for value in _NORMAL.tolist()])


def _likely_spreads(count: int = 12) -> Floats:
    """Return equally likely ratios of the true spread to the baseline's, (count,): sqrt(7 / chi-square)."""
    square = np.linspace(0.01, 60, 6000)
    freedom = BASELINE - 1
    area = (square ** (freedom / 2 - 1) * np.exp(-square / 2)).cumsum()
    quantiles = np.interp((np.arange(count) + 0.5) / count, area / area[-1], square)
    ratios: Floats = np.sqrt(freedom / quantiles)
    return ratios


_SPREADS = _likely_spreads()


@dataclass(frozen=True, slots=True)
class Baseline:
    """The first recordings' statistics, as arcsines: `mean` (K,), `spread` (K,) from session to session.

    `between` (K,): the variance of sessions beyond what their sampling explains. `size`: the usual number of
    independent samples of a recording, (K,).
    """

    mean: Floats
    spread: Floats
    between: Floats
    size: Floats


@dataclass(frozen=True, slots=True)
class Judgement:
    """One recording against the baseline: the range that it was judged by, `low` and `high` (K,), 0 to 1.

    `side` (K,): -1 below it, 1 above it, 0 inside. `marked` (K,): whether the one before was on the same side too.
    """

    low: Floats
    high: Floats
    side: NDArray[np.int64]
    marked: NDArray[np.bool_]


def baseline_of(shares: Floats, sizes: Floats) -> Baseline | None:
    """Return the baseline of the first recordings, (N, K) shares and independent samples, None for under eight."""
    if len(shares) < BASELINE:
        return None
    angles = _angle(shares[:BASELINE])
    spread = angles.std(axis=0, ddof=1)
    between = np.maximum(0.0, spread**2 - _chance(sizes[:BASELINE]).mean(axis=0))
    return Baseline(angles.mean(axis=0), spread, between, np.median(sizes[:BASELINE], axis=0))


def usual_range(baseline: Baseline, size: Floats) -> tuple[Floats, Floats]:
    """Return between what shares, (K,) each, a recording worth `size` (K,) independent samples is usual.

    A recording that is longer than those of the baseline is not judged more strictly than they are spread.
    """
    reach = _quantile() * np.sqrt(_variance(baseline, size) + ALIKE * baseline.spread**2 / BASELINE)
    middle = _share(baseline.mean)
    low = np.minimum(_share(baseline.mean - reach), middle - MIN_CHANGE)
    high = np.maximum(_share(baseline.mean + reach), middle + MIN_CHANGE)
    return np.maximum(0.0, low), np.minimum(1.0, high)


def _variance(baseline: Baseline, size: Floats) -> Floats:
    """Return the variance of one more recording about the patient's mean, on the scale of arcsines."""
    variance: Floats = np.maximum(baseline.spread**2, baseline.between + _chance(size))
    return variance


def judge(shares: Floats, sizes: Floats) -> list[Judgement | None]:
    """Return the judgement of each recording of one line, (N, K) in the order of time; None for the baseline's own."""
    baseline = baseline_of(shares, sizes)
    judged: list[Judgement | None] = [None] * len(shares)
    if baseline is None:
        return judged
    before = np.zeros(shares.shape[1], np.int64)
    for number in range(BASELINE, len(shares)):
        low, high = usual_range(baseline, sizes[number])
        side = np.where(shares[number] > high, 1, np.where(shares[number] < low, -1, 0))
        judged[number] = Judgement(low, high, side, (side != 0) & (side == before))
        before = side
    return judged


def smallest_seen(baseline: Baseline, column: int, direction: int = 1) -> float | None:
    """Return the change of a share that would be marked in 8 of 10 cases within three recordings; None for none.

    Worked out from the patient's own spread: a lasting change by so much, upwards (1) or downwards (-1), in recordings
    as long as those of the baseline. Eight recordings show the spread only roughly, which is taken into account.
    Sessions are taken to differ by as many points after the change as before, or by as much on the scale of arcsines,
    whichever is more: near 0 and 1 a point is more on that scale.
    """
    middle = float(_share(baseline.mean)[column])
    room = 1 - middle if direction > 0 else middle
    low, high = (float(limit[column]) for limit in usual_range(baseline, baseline.size))
    limit = float(_angle(np.array(high if direction > 0 else low)))
    chance = float(_chance(baseline.size)[column])
    spreads = np.maximum(float(baseline.spread[column]) * _SPREADS, 1e-9)

    def first_seen(changes: Floats) -> int | None:
        after = np.clip(middle + direction * changes, 1e-4, 1 - 1e-4)
        steeper = np.maximum(1.0, np.sqrt(middle * (1 - middle) / (after * (1 - after))))
        doubt = steeper[:, None] * spreads
        noise = np.sqrt(np.maximum(chance, doubt**2))
        found = _chance_of_mark(direction * (_angle(after) - limit), noise, doubt / np.sqrt(BASELINE)) >= SEEN
        return int(found.argmax()) if found.any() else None

    coarse = np.linspace(0.0, room, 41)
    place = first_seen(coarse)
    if place is None:
        return None
    fine = np.linspace(coarse[max(0, place - 1)], coarse[place], 26)
    return float(fine[first_seen(fine) or 0])


def _chance_of_mark(beyond: Floats, noise: Floats, doubt: Floats) -> Floats:
    """Return how likely two in a row of three recordings are past the limit, (C,), where they lie `beyond` it, (C,).

    `noise`, `doubt` (C, S): equally likely standard deviations of a recording, and of the baseline's mean.
    """
    offsets = np.linspace(-3, 3, 13)
    weights = np.exp(-(offsets**2) / 2) / np.exp(-(offsets**2) / 2).sum()
    distances = (beyond[:, None, None] + doubt[:, :, None] * offsets) / noise[:, :, None]
    past = np.interp(distances, _NORMAL, _NORMAL_CDF)
    chances: Floats = ((2 * past**2 - past**3) @ weights).mean(axis=1)
    return chances


def noise_floor(halves: Sequence[tuple[Floats, Floats]], shares: Floats, sizes: Floats) -> Floats:
    """Return the standard error of a share within one recording, from those of one line, (K,).

    It is the larger of two figures. Split-half: the halves of a recording (every second of ten stretches, and the
    others) differ by chance alone, by twice the standard error of the whole. But stretches side by side may lie within
    one long expression, so it is never less than what the independent samples `sizes` (N, K) of the `shares` (N, K)
    explain.
    """
    differences = np.array([first - second for first, second in halves])
    split = np.sqrt((differences**2).mean(axis=0)) / 2
    mean = shares.mean(axis=0)
    floor: Floats = np.maximum(split, np.sqrt(mean * (1 - mean) * (1 / sizes).mean(axis=0)))
    return floor


def reliable_change(standard_error: Floats, freedom: float) -> Floats:
    """Return the difference of two recordings that chance alone reaches in 5 of 100 cases: t sqrt(2) x the error.

    Student's quantile, because the error is itself estimated, with `freedom` degrees.
    Source: Jacobson & Truax 1991, doi 10.1037/0022-006X.59.1.12, who know the error and take 1.96.
    """
    change: Floats = student_quantile(0.975, freedom) * np.sqrt(2) * standard_error
    return change


def _quantile() -> float:
    return student_quantile(1 - OUTSIDE_BY_CHANCE / 2, BASELINE - 1)


def _angle(share: Floats) -> Floats:
    angle: Floats = np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0)))
    return angle


def _share(angle: Floats) -> Floats:
    share: Floats = np.sin(np.clip(angle, 0.0, np.pi / 2)) ** 2
    return share


def _chance(size: Floats) -> Floats:
    """Return the variance of an arcsine that comes from sampling alone."""
    variance: Floats = 1 / (4 * size + 2)
    return variance
