"""Shares, gaps and smoothing on series worked out by hand."""

import numpy as np
import pytest

from fer_core.emotions import Emotion
from fer_core.reading.timeline import block_bootstrap, circumplex_index, episodes, expressivity, longest_gap_s, smooth


def test_neighbours_that_resemble_each_other_widen_the_interval():
    rng = np.random.default_rng(0)
    time_s = np.arange(0, 600, 0.2)
    # Half a minute of one label, then of the other: 3,000 samples, but only 20 independent stretches.
    slow = np.repeat(rng.integers(0, 2, 20), 150).astype(float)[:, None]
    low, high = block_bootstrap(slow, time_s, block_s=30)
    naive_low, naive_high = block_bootstrap(slow, time_s, block_s=0)
    assert low[0] <= slow.mean() <= high[0]
    assert high[0] - low[0] > 5 * (naive_high[0] - naive_low[0])


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(200):
        values = (rng.random((400, 1)) < 0.3).astype(float)
        low, high = block_bootstrap(values, np.arange(400) * 0.2, block_s=0, rounds=300, seed=seed)
        covered += low[0] <= 0.3 <= high[0]
    assert 0.90 <= covered / 200 <= 0.99


def test_too_little_material_says_nothing():
    low, high = block_bootstrap(np.ones((60, 2)), np.arange(60) * 0.2)
    assert low.tolist() == [0, 0]
    assert high.tolist() == [1, 1]
    with pytest.raises(ValueError, match="no samples"):
        block_bootstrap(np.ones((0, 2)), np.zeros(0))


def test_gaps_count_from_the_first_sample_to_the_last():
    time_s = np.arange(10) * 0.5
    usable = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1, 1], bool)
    assert longest_gap_s(time_s, usable) == pytest.approx(1.5)
    assert longest_gap_s(time_s, np.ones(10, bool)) == pytest.approx(0)
    assert longest_gap_s(time_s, np.zeros(10, bool)) == pytest.approx(5.0)


def test_smoothing_leaves_gaps():
    values = np.array([[0.0], [1.0], [np.nan], [1.0], [0.0]])
    time_s = np.arange(5.0)
    found = smooth(values, time_s, 2)
    assert np.isnan(found[2])
    assert found[:2, 0].tolist() == [0.5, 0.5]
    assert smooth(values, time_s, 0) is values


def test_an_episode_has_onset_apex_and_end():
    values = np.array([0.1, 0.6, 0.9, 0.7, 0.2, 0.8, np.nan, 0.6, 0.6, 0.6])
    assert episodes(values, np.arange(10.0), min_s=1) == [(1.0, 2.0, 3.0), (7.0, 7.0, 9.0)]


def test_expressivity_of_a_still_and_a_moving_face():
    still = np.tile([[1.0, 0, 0, 0, 0, 0, 0]], (5, 1))
    assert expressivity(still, np.arange(5) * 0.2) == 0
    moving = still.copy()
    moving[1::2] = [0, 1, 0, 0, 0, 0, 0]
    assert expressivity(moving, np.arange(5) * 0.5) == pytest.approx(2.0)
    assert expressivity(np.full((3, 7), np.nan), np.arange(3.0)) is None


def test_the_derived_index_is_a_mean_of_published_places():
    happy, neutral = np.eye(7)[Emotion.HAPPY], np.eye(7)[Emotion.NEUTRAL]
    index = circumplex_index(np.stack([happy, neutral, (happy + neutral) / 2, np.full(7, np.nan)]))
    assert index[0].tolist() == pytest.approx([0.81, 0.51])
    assert index[1].tolist() == pytest.approx([0, 0])
    assert index[2].tolist() == pytest.approx([0.405, 0.255])
    assert np.isnan(index[3]).all()
