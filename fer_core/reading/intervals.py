"""How far a share can be trusted: how many independent moments a recording is worth, and the interval from that.

Samples that follow each other resemble each other, so a recording counts for fewer than it has. Pure functions.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRETCHES = 10
"""Into so many equal parts a recording is divided, to see how much its shares differ from part to part."""
SMALL_SAMPLE = 3.0
"""A size estimated from few independent samples is too large: n becomes n * n / (n + 3).

Chosen on simulated recordings; see docs/statistics.md.
"""
UNCHANGED_S = 60.0
"""A recording whose label never changes does not show how long a label lasts: it counts once a minute."""
CONFIDENCE = 0.95


def effective_size(votes: Floats, time_s: Floats, step_s: float) -> Floats:
    """Return how many independent samples the mean of each column is worth: (K,), from 1 to N.

    `votes` (N, K) with a 1 at each sample's label; `time_s` (N,) increasing; `step_s` the asked distance of samples.
    It is the smaller of two figures, less a correction for small samples. One is N divided by the autocorrelation
    time, the longer of the column's own and that of all columns together; the other comes from how much the means of
    ten equal stretches differ.

    Sources: Geyer 1992, doi 10.1214/ss/1177011137 (initial monotone sequence); batch means: Flegal & Jones 2010.
    """
    count, columns = votes.shape
    if count < 2:
        return np.ones(columns)
    if not votes.var(axis=0).any():
        return np.full(columns, np.clip((time_s[-1] - time_s[0]) / UNCHANGED_S, 1.0, count))
    own, together = _autocorrelation_times(votes, time_s, step_s)
    sizes = count / np.maximum(own, together)
    spread = _stretch_variance(votes) / STRETCHES
    differing = spread > 0
    sizes[differing] = np.minimum(sizes[differing], votes.var(axis=0)[differing] / spread[differing])
    corrected: Floats = np.clip(sizes * sizes / (sizes + SMALL_SAMPLE), 1.0, count)
    return corrected


def pictures_size(votes: Floats) -> float:
    """Return how many independent samples single pictures are worth, in the order of their files: from 1 to N.

    `votes` (N, K) with a 1 at each picture's label. Pictures of one moment resemble each other, and stand side by side.
    It is N (1 - r) / (1 + r) with r the autocorrelation of all labels together from one picture to the next, not less
    than 0; its bias of -1 / N is taken off.
    """
    count = len(votes)
    deviations = votes - votes.mean(axis=0)
    whole = float((deviations**2).sum() / count)
    if count < 2 or whole <= 1e-12:
        return float(count)
    likeness = float((deviations[1:] * deviations[:-1]).sum() / (count - 1)) / whole + 1 / count
    likeness = min(max(0.0, likeness), 0.95)
    return max(1.0, count * (1 - likeness) / (1 + likeness))


def share_interval(share: Floats, size: Floats, dependent: bool = True) -> tuple[Floats, Floats]:
    """Return the 95 % interval of shares (K,) that rest on `size` (K,) independent samples each: low and high, (K,).

    Wilson's interval, with Student's quantile where the size was itself estimated (`dependent`): then it has as many
    degrees of freedom as there are stretches, or independent samples, less one.

    Sources: Wilson 1927, doi 10.1080/01621459.1927.10502953; one sample alone: Brown, Cai & DasGupta 2001, doi
    10.1214/ss/1009213286, section 4.1.1.
    """
    freedom = np.minimum(STRETCHES - 1, np.maximum(1.0, size - 1)) if dependent else np.full(size.shape, np.inf)
    z = np.array([student_quantile(0.5 + CONFIDENCE / 2, each) for each in freedom.tolist()])
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    reach = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    low, high = np.maximum(0.0, middle - reach), np.minimum(1.0, middle + reach)
    # Where all but one sample agree, the one is a Poisson event, for which Wilson's limit is too strict.
    once = -math.log(CONFIDENCE)
    low = np.where(share * size <= 1 + 1e-9, np.minimum(low, share * once), low)
    high = np.where((1 - share) * size <= 1 + 1e-9, np.maximum(high, 1 - (1 - share) * once), high)
    return low, high


@lru_cache(maxsize=1024)
def student_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t; `freedom` from 1 up, not only whole numbers.

    With t = sqrt(freedom) tan(angle) the density of the angle is proportional to cos(angle) ** (freedom - 1), which is
    summed here on a grid. From 1,000 degrees of freedom on it is the normal quantile to four digits.
    """
    freedom = min(freedom, 1000.0)
    angle = np.linspace(0, np.pi / 2, 2_001)
    density = np.cos(angle) ** (freedom - 1)
    area = np.concatenate([[0.0], (density[1:] + density[:-1]).cumsum()])
    half = float(np.interp(abs(probability - 0.5) * 2 * area[-1], area, angle))
    return float(np.sqrt(freedom) * np.tan(half) * np.sign(probability - 0.5))


def _autocorrelation_times(votes: Floats, time_s: Floats, step_s: float) -> tuple[Floats, float]:
    """Return the autocorrelation time of each column and that of all together, in samples; at least 1."""
    covariances = _autocovariances(votes, time_s, step_s)
    own = np.array([_monotone_sum(column) for column in covariances.T])
    return own, _monotone_sum(covariances.sum(axis=1))


def _autocovariances(votes: Floats, time_s: Floats, step_s: float) -> Floats:
    """Return the autocovariance of each column at 0, 1, … steps up to half the length: (lags, K); gaps are left out."""
    places = np.round((time_s - time_s[0]) / step_s).astype(np.int64) if step_s > 0 else np.arange(len(time_s))
    slots = int(places[-1]) + 1
    there, deviations = np.zeros(slots), np.zeros((slots, votes.shape[1]))
    there[places] = 1.0
    deviations[places] = votes - votes.mean(axis=0)
    length = 1 << (2 * slots - 1).bit_length()
    lags = max(1, slots // 2)
    pairs = np.fft.irfft(np.abs(np.fft.rfft(there, length)) ** 2, length)[:lags]
    products = np.fft.irfft(np.abs(np.fft.rfft(deviations, length, axis=0)) ** 2, length, axis=0)[:lags]
    found: Floats = products / np.maximum(1.0, pairs.round())[:, None]
    return found


def _monotone_sum(covariance: Floats) -> float:
    """Return the autocorrelation time by Geyer's initial monotone sequence; 1 for a column that never changes."""
    if covariance[0] <= 1e-12:
        return 1.0
    even = len(covariance) // 2 * 2
    if even == 0:
        return 1.0
    pairs = (covariance[:even] / covariance[0]).reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = pairs[: negative[0]] if len(negative) else pairs
    return float(max(1.0, 2 * np.minimum.accumulate(kept).sum() - 1)) if len(kept) else 1.0


def _stretch_variance(votes: Floats) -> Floats:
    """Return the variance of the means of ten stretches of equally many samples; 0 where there are fewer samples."""
    if len(votes) < STRETCHES:
        return np.zeros(votes.shape[1])
    means = np.array([part.mean(axis=0) for part in np.array_split(votes, STRETCHES)])
    variance: Floats = means.var(axis=0, ddof=1)
    return variance
