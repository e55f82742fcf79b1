"""How much the model's output moves, and where it lies on two derived axes; pure functions on arrays."""

from __future__ import annotations

import numpy as np

from fer_core.emotions import Emotion
from fer_core.reading.intervals import Floats, effective_size, student_quantile

CELL_S = 1.0
"""Movement is that from one second to the next, so that it doesn't hang on how often the face was sampled."""
CIRCUMPLEX: dict[Emotion, tuple[float, float]] = {
    Emotion.ANGRY: (-0.51, 0.59),
    Emotion.DISGUST: (-0.60, 0.35),
    Emotion.FEAR: (-0.64, 0.60),
    Emotion.HAPPY: (0.81, 0.51),
    Emotion.SAD: (-0.63, -0.27),
    Emotion.SURPRISE: (0.40, 0.67),
    Emotion.NEUTRAL: (0.0, 0.0),
}
"""Pleasure and arousal, -1 to 1, that people gave to the words for these states; neutral is the origin.

Source: Russell & Mehrabian 1977, doi 10.1016/0092-6566(77)90037-X.
"""


def movement(outputs: Floats, time_s: Floats, step_s: float) -> float | None:
    """Return how much the output changes from one second to the next, without what its own noise would make of it.

    `outputs` (N, 7) with NaN where there was no usable face; `time_s` (N,); `step_s` between samples. 0 is a face that
    never changes, 1 one that goes over to another label each second: the root of half the mean squared change of the
    means of successive seconds, less what the noise of single samples accounts for (`_noise`). None without two
    successive seconds of two samples each, and for steps over half a second.
    """
    known = ~np.isnan(outputs).any(axis=1)
    cell = np.floor(time_s[known] / CELL_S + 1e-9).astype(np.int64)
    numbers, rows, counts = np.unique(cell, return_inverse=True, return_counts=True)
    sums = np.zeros((len(numbers), outputs.shape[1]))
    np.add.at(sums, rows, outputs[known])
    means = sums / counts[:, None]
    pairs = np.flatnonzero((np.diff(numbers) == 1) & (counts[1:] > 1) & (counts[:-1] > 1))
    if not len(pairs):
        return None
    change = ((means[pairs + 1] - means[pairs]) ** 2).sum(axis=1).mean()
    noise = _noise(outputs, time_s, step_s) * (1 / counts[pairs] + 1 / counts[pairs + 1]).mean()
    return float(np.sqrt(max(0.0, change - noise) / 2))


def _noise(outputs: Floats, time_s: Floats, step_s: float) -> float:
    """Return the variance of a sample about the face's own course, summed over the outputs.

    It is the nugget of the variogram: half the mean squared difference of samples one and two steps apart, drawn on to
    no distance at all. What moves adds to both in proportion to the time, noise alike to both.
    """
    near, far = (_half_squared(outputs, time_s, lag, step_s) for lag in (1, 2))
    return max(0.0, 2 * near - far)


def _half_squared(outputs: Floats, time_s: Floats, lag: int, step_s: float) -> float:
    differences = ((outputs[lag:] - outputs[:-lag]) ** 2).sum(axis=1)
    close = (time_s[lag:] - time_s[:-lag] < (lag + 0.5) * step_s) & ~np.isnan(differences)
    return float(differences[close].mean() / 2) if close.any() else 0.0


def circumplex_index(votes: Floats) -> Floats:
    """Return a valence and an arousal index of each sample: labels (N, 8), the last uncertain -> (N, 2), each -1 to 1.

    A derived index, not a measurement: the place of the sample's label in `CIRCUMPLEX`. A sample without a clear label
    is 0, as a neutral one is, so that an output that says nothing makes no index.
    """
    places = [*(CIRCUMPLEX[emotion] for emotion in Emotion), (0.0, 0.0)]
    index: Floats = votes @ np.array(places)
    return index


def mean_index(votes: Floats, time_s: Floats, step_s: float, at_most: float) -> tuple[Floats, Floats]:
    """Return the means of valence and arousal over a recording, (2,), and how far their 95 % intervals reach, (2,).

    `votes` (N, 8) of the usable samples; `time_s` (N,); `at_most`: the independent samples of the label that rests on
    the fewest, which shows best how alike neighbouring samples are. The reach is Student's quantile times the standard
    error over the independent samples (`intervals.effective_size`). The variance is never less than one more
    independent sample with any of the labels would make it: a label that never changed is not known to be the only one.
    """
    index = circumplex_index(votes)
    size = np.maximum(2.0, np.minimum(effective_size(index, time_s, step_s), at_most))
    quantiles = np.array([student_quantile(0.975, min(9.0, each - 1)) for each in size.tolist()])
    unseen = (circumplex_index(np.eye(votes.shape[1])) ** 2).mean(axis=0) / (size + 1)
    return index.mean(axis=0), quantiles * np.sqrt(np.maximum(index.var(axis=0), unseen) / size)
