"""Movement without the noise, and a derived index that says nothing where the output says nothing."""

import numpy as np
import pytest

from fer_core.emotions import Emotion
from fer_core.reading.movement import circumplex_index, mean_index, movement


def changing(step_s, noise=0.0, seconds=600, dwell_s=3.0, seed=0):
    """Outputs of a face that goes over to another label about every `dwell_s` seconds, and the times."""
    rng = np.random.default_rng(seed)
    begins = np.concatenate([[0.0], rng.exponential(dwell_s, round(3 * seconds / dwell_s)).cumsum()])
    labels = rng.integers(0, 7, len(begins))
    time_s = np.arange(0, seconds, step_s)
    outputs = np.full((len(time_s), 7), 0.1 / 6)
    outputs[np.arange(len(time_s)), labels[np.searchsorted(begins, time_s, side="right") - 1]] = 0.9
    return outputs + rng.normal(0, noise, outputs.shape), time_s


def test_a_still_face_does_not_move_and_noise_is_no_movement():
    time_s = np.arange(0, 300, 0.2)
    assert movement(np.tile(np.eye(7)[6], (len(time_s), 1)), time_s, 0.2) == 0
    noise = np.random.default_rng(1).normal(0, 0.02, (len(time_s), 7))
    assert movement(1 / 7 + noise, time_s, 0.2) < 0.02


def test_one_label_a_second_is_one():
    time_s = np.arange(0, 60, 0.2)
    assert movement(np.eye(7)[time_s.astype(int) % 2], time_s, 0.2) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("step_s", [0.1, 0.4])
def test_movement_does_not_hang_on_the_sampling(step_s):
    usual = np.mean([movement(*changing(0.2, seed=seed), 0.2) for seed in range(8)])
    other = np.mean([movement(*changing(step_s, seed=seed), step_s) for seed in range(8)])
    assert other == pytest.approx(usual, rel=0.06)


def test_movement_does_not_hang_on_the_noise():
    usual = movement(*changing(0.2), 0.2)
    assert movement(*changing(0.2, noise=0.05), 0.2) == pytest.approx(usual, rel=0.05)


def test_movement_is_not_reported_where_it_is_not_known():
    assert movement(np.full((30, 7), np.nan), np.arange(30) * 0.2, 0.2) is None
    assert movement(np.tile(np.eye(7)[0], (60, 1)), np.arange(60.0), 1.0) is None


def test_the_derived_index_is_a_mean_of_published_places():
    happy, neutral, uncertain = np.eye(8)[Emotion.HAPPY], np.eye(8)[Emotion.NEUTRAL], np.eye(8)[7]
    index = circumplex_index(np.stack([happy, neutral, uncertain]))
    assert index.tolist() == [[0.81, 0.51], [0, 0], [0, 0]]


def test_the_index_comes_with_its_uncertainty():
    labels = np.repeat(np.random.default_rng(0).choice([Emotion.HAPPY, Emotion.SAD], 40), 50)
    (valence, _), (reach, _) = mean_index(np.eye(8)[labels], np.arange(2000) * 0.2, 0.2, 1e9)
    assert valence == pytest.approx(np.where(labels == Emotion.HAPPY, 0.81, -0.63).mean())
    assert 0.15 < reach < 0.6


def test_a_flat_output_is_zero_and_not_certain():
    uncertain = np.tile(np.eye(8)[7], (1500, 1))
    means, reaches = mean_index(uncertain, np.arange(1500) * 0.2, 0.2, 1e9)
    assert means.tolist() == [0, 0]
    assert 0.1 < reaches.min() <= reaches.max() < 0.5
    _, longer = mean_index(np.tile(uncertain, (10, 1)), np.arange(15_000) * 0.2, 0.2, 1e9)
    assert longer.max() < 0.1
