"""Where a mouth moves, and what becomes of the shares of both parts."""

from dataclasses import replace

import numpy as np
import pytest

from fer_core.emotions import Emotion
from fer_core.reading.mouth import MOVING_FROM, moving
from fer_core.reading.reading import Series, read
from fer_core.types import Status

STEP = 0.2


def held(count):
    return np.full(count, STEP)


def test_the_mean_over_two_seconds_decides():
    time_s = np.arange(100) * STEP
    change = np.where(time_s < 10, 0.1, 0.5)
    found = moving(change, time_s, held(100))
    assert set(found[time_s < 9.2]) == {0.0}
    assert set(found[time_s > 10.8]) == {1.0}
    assert moving(np.full(100, MOVING_FROM), time_s, held(100)).all()


def test_a_moment_with_little_known_around_it_is_not_reported():
    time_s = np.arange(100) * STEP
    change = np.full(100, 0.5)
    change[30:60] = np.nan
    found = moving(change, time_s, held(100))
    assert np.isnan(found[34:56]).all()
    assert (found[:28] == 1).all()
    assert np.isnan(moving(np.full(3, 0.5), time_s[:3], held(3))).all()


def series(change, labels):
    outputs = np.full((len(labels), 7), 0.02)
    outputs[np.arange(len(labels)), labels] = 0.88
    return Series(np.arange(len(labels)) * STEP, (Status.OK,) * len(labels), outputs, STEP, 0.5, change)


def test_both_parts_have_shares_of_their_own():
    count = 1500
    talks = np.arange(count) % 500 >= 250
    labels = np.where(talks, Emotion.SURPRISE, Emotion.NEUTRAL)
    found = read(series(np.where(talks, 0.5, 0.1), labels))
    assert found.moving.shares[Emotion.SURPRISE] == pytest.approx(1, abs=0.03)
    assert found.still.shares[Emotion.NEUTRAL] == pytest.approx(1, abs=0.03)
    assert found.shares[Emotion.NEUTRAL] == pytest.approx(0.5, abs=0.01)
    assert found.moving.seconds + found.still.seconds == pytest.approx(found.usable_s)
    assert found.still.size < found.still.seconds / STEP


def test_without_knowledge_of_the_mouth_there_are_no_parts():
    plain = series(None, np.zeros(300, np.int64))
    unknown = replace(plain, mouth_change=np.full(300, np.nan))
    for each in (plain, unknown, replace(unknown, mouth_change=np.zeros(300), every_s=None)):
        found = read(each)
        assert (found.moving, found.still) == (None, None)
        assert found.shares == pytest.approx(read(plain).shares)
