"""What is usual for a patient, and what isn't."""

import numpy as np
import pytest
from scipy.stats import t as student

from fer_core.reading import usual

EVEN = [0.30, 0.32, 0.29, 0.31, 0.33, 0.30, 0.28, 0.31]


def series(*later, first=EVEN, size=400.0):
    """Shares (N, 1) of one label and the independent samples of each recording."""
    shares = np.array([*first, *later])[:, None]
    return shares, np.full(shares.shape, size)


def test_the_baseline_needs_eight():
    shares, sizes = series()
    assert usual.baseline_of(shares[:7], sizes[:7]) is None
    assert usual.judge(shares[:7], sizes[:7]) == [None] * 7
    baseline = usual.baseline_of(shares, sizes)
    angles = np.arcsin(np.sqrt(EVEN))
    assert baseline.mean[0] == pytest.approx(angles.mean())
    assert baseline.spread[0] == pytest.approx(angles.std(ddof=1))


def test_the_range_is_students():
    baseline = usual.baseline_of(*series(size=1e9))
    low, high = usual.usual_range(baseline, np.array([1e9]))
    reach = student.ppf(0.985, 7) * baseline.spread[0] * np.sqrt(1 + 2 / 8)
    assert high[0] == pytest.approx(np.sin(baseline.mean[0] + reach) ** 2, rel=1e-3)
    assert low[0] == pytest.approx(np.sin(baseline.mean[0] - reach) ** 2, rel=1e-3)


def test_one_recording_is_not_enough_and_two_on_different_sides_are_not():
    once = usual.judge(*series(0.6, 0.3, 0.6))
    assert [judged.side[0] for judged in once[8:]] == [1, 0, 1]
    assert not any(judged.marked[0] for judged in once[8:])
    assert not usual.judge(*series(0.6, 0.05))[9].marked[0]
    assert usual.judge(*series(0.6, 0.6))[9].marked[0]


def test_a_lasting_change_stays_marked():
    judged = usual.judge(*series(*[0.6] * 12))
    assert [each.marked[0] for each in judged[8:]] == [False] + [True] * 11


def test_a_short_recording_is_judged_by_a_wider_range_and_a_long_one_by_no_narrower():
    baseline = usual.baseline_of(*series(size=100.0))
    widths = [np.subtract(*usual.usual_range(baseline, np.array([size]))[::-1])[0] for size in (5.0, 100.0)]
    assert widths[0] > widths[1]
    spread = usual.baseline_of(*series(first=[0.1, 0.5, 0.2, 0.4, 0.3, 0.1, 0.5, 0.3], size=3.0))
    usual_width = np.subtract(*usual.usual_range(spread, np.array([3.0]))[::-1])[0]
    long_width = np.subtract(*usual.usual_range(spread, np.array([1e6]))[::-1])[0]
    assert long_width >= 0.8 * usual_width


def test_a_trace_of_what_was_never_seen_is_not_unusual():
    judged = usual.judge(*series(0.015, 0.015, 0.06, 0.06, first=[0.0] * 8, size=1e6))
    assert [bool(each.marked[0]) for each in judged[8:]] == [False, False, False, True]


def test_the_change_that_would_be_seen_is_seen_in_eight_of_ten_cases():
    rng = np.random.default_rng(3)
    spread, found = 0.06, []
    for _ in range(400):
        angles = np.arcsin(np.sqrt(0.3)) + spread * rng.normal(size=11)
        shares = np.sin(angles) ** 2
        sizes = np.full((8, 1), 1e9)
        change = usual.smallest_seen(usual.baseline_of(shares[:8, None], sizes), 0)
        if change is None:
            continue
        later = np.sin(np.arcsin(np.sqrt(0.3 + change)) + spread * rng.normal(size=3)) ** 2
        judged = usual.judge(np.append(shares[:8], later)[:, None], np.full((11, 1), 1e9))
        found.append(any(each.marked[0] for each in judged[8:]))
    assert len(found) > 300
    assert 0.75 <= np.mean(found) <= 0.9


def test_no_room_no_change_to_be_seen():
    wide = [0.9, 0.99, 0.8, 0.99, 0.7, 0.99, 0.95, 0.9]
    assert usual.smallest_seen(usual.baseline_of(*series(first=wide, size=5.0)), 0) is None


def test_the_noise_floor_is_the_standard_error_of_the_whole():
    rng = np.random.default_rng(4)
    draws = (rng.random((3000, 2, 50)) < 0.3).mean(axis=2)
    halves = [(np.array([first]), np.array([second])) for first, second in draws]
    shares, sizes = draws.mean(axis=1, keepdims=True), np.full((3000, 1), 1e9)
    floor = usual.noise_floor(halves, shares, sizes)
    assert floor[0] == pytest.approx(np.sqrt(0.3 * 0.7 / 100), rel=0.05)
    assert usual.noise_floor(halves, shares, sizes / 1e8)[0] == pytest.approx(np.sqrt(0.3 * 0.7 / 10), rel=0.05)
    assert usual.reliable_change(floor, 1e9)[0] == pytest.approx(2.772 * floor[0], rel=5e-3)
    assert usual.reliable_change(floor, 7)[0] == pytest.approx(student.ppf(0.975, 7) * np.sqrt(2) * floor[0], rel=5e-3)
