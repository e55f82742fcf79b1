"""How long samples stand, gaps, smoothing and episodes, on series worked out by hand."""

import numpy as np
import pytest

from fer_core.reading.timeline import episodes, held_s, longest_gap_s, smooth, usual_step_s


def test_a_sample_stands_until_the_next_and_two_steps_at_most():
    time_s = np.array([0.0, 0.2, 0.5, 0.7, 600.0])
    assert usual_step_s(time_s, 0.2) == pytest.approx(0.25)
    assert held_s(time_s, 0.2).tolist() == pytest.approx([0.2, 0.3, 0.2, 0.4, 0.2])
    assert held_s(np.zeros(0), 0.2).tolist() == []


def test_a_file_with_fewer_frames_than_were_asked_for_loses_no_time():
    time_s = np.arange(600.0)
    assert held_s(time_s, usual_step_s(time_s, 0.2)).sum() == 600


def test_held_frames_count_until_the_next_one():
    time_s = np.arange(1000) * 0.2
    time_s[500:] += 0.1
    assert held_s(time_s, usual_step_s(time_s, 0.2)).sum() == pytest.approx(200.1)


def test_a_hole_is_a_gap():
    time_s = np.array([0.0, 0.2, 0.4, 600.4, 600.6])
    assert longest_gap_s(time_s, np.ones(5, bool), 0.2) == pytest.approx(599.6)


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


def test_a_hole_ends_an_episode():
    time_s = np.concatenate([np.arange(5) * 0.2, 600 + np.arange(5) * 0.2])
    found = episodes(np.full(10, 0.9), time_s, every_s=0.2)
    assert [(onset, end) for onset, _, end in found] == [(0.0, pytest.approx(0.8)), (600.0, pytest.approx(600.8))]
