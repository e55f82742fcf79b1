"""Independent samples and intervals, against other programs' figures and against truth."""

import numpy as np
import pytest
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from fer_core.reading.intervals import effective_size, share_interval, student_quantile


@pytest.mark.parametrize("freedom", [1.0, 1.5, 2.0, 7.0, 9.0, 31.4, 500.0])
@pytest.mark.parametrize("probability", [0.5, 0.8, 0.975, 0.985, 0.01])
def test_quantiles_are_those_of_scipy(freedom, probability):
    assert student_quantile(probability, freedom) == pytest.approx(
        student.ppf(probability, freedom), abs=2e-3, rel=2e-3
    )


def test_the_interval_of_pictures_is_wilsons():
    for share, count in ((0.0, 5), (1.0, 5), (0.3, 40)):
        low, high = share_interval(np.array([share]), np.array([float(count)]), dependent=False)
        expected = proportion_confint(round(share * count), count, method="wilson")
        assert (low[0], high[0]) == (pytest.approx(expected[0], abs=1e-3), pytest.approx(expected[1], abs=1e-3))


def test_five_happy_pictures_are_not_certain():
    low, high = share_interval(np.array([1.0, 0.0]), np.full(2, 5.0), dependent=False)
    assert low[0] < 0.6
    assert high[1] > 0.4


def chain(rng, count, stays):
    """Labels 0 to 2, each drawn again with probability 1 - `stays`: its autocorrelation time is known."""
    fresh = rng.random(count) > stays
    fresh[0] = True
    drawn = rng.choice(3, count, p=[0.2, 0.3, 0.5])
    return drawn[np.maximum.accumulate(np.where(fresh, np.arange(count), 0))]


@pytest.mark.parametrize("stays", [0.0, 0.8, 0.95])
def test_the_size_is_that_of_theory(stays):
    rng = np.random.default_rng(0)
    time_s = np.arange(20_000) * 0.2
    sizes = [effective_size(np.eye(3)[chain(rng, 20_000, stays)], time_s, 0.2) for _ in range(5)]
    assert np.mean(sizes) == pytest.approx(20_000 * (1 - stays) / (1 + stays), rel=0.25)


def test_what_never_changes_counts_once_a_minute():
    assert effective_size(np.tile([1.0, 0.0], (1500, 1)), np.arange(1500) * 0.2, 0.2) == pytest.approx(5, abs=0.1)


def test_a_drift_counts_for_less_than_a_mixture():
    time_s = np.arange(3000) * 0.2
    rng = np.random.default_rng(0)
    drifting = (rng.random(3000) < np.linspace(0, 1, 3000)).astype(float)[:, None]
    mixed = (rng.random(3000) < 0.5).astype(float)[:, None]
    assert effective_size(drifting, time_s, 0.2)[0] < 60 < effective_size(mixed, time_s, 0.2)[0]


def test_a_gap_is_no_neighbourhood():
    rng = np.random.default_rng(0)
    votes = np.eye(3)[chain(rng, 6000, 0.9)]
    whole, holey = np.arange(6000) * 0.2, np.arange(6000) * 0.2
    holey[3000:] += 900
    assert effective_size(votes, holey, 0.2) == pytest.approx(effective_size(votes, whole, 0.2), rel=0.1)
    assert effective_size(votes[:1], whole[:1], 0.2).tolist() == [1, 1, 1]
