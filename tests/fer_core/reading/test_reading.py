"""A recording as a whole."""

import math

import numpy as np
import pytest

from fer_core.emotions import Emotion
from fer_core.reading.reading import Light, episodes_of, find_track, light, main_track, read, series_of
from fer_core.types import Box, FaceExpression, FrameResult, Status
from tests.fakes import face_at


def expression(emotion, track=0, left=100):
    """A sure face with one label, or one that can't be read (None)."""
    face = face_at(left, 80)
    face = type(face)(face.box, face.confidence, face.landmarks, None, track)
    if emotion is None:
        return FaceExpression(face, Status.BLURRED, None)
    outputs = [0.1 / 6] * 7
    outputs[emotion] = 0.9
    return FaceExpression(face, Status.OK, tuple(outputs))


def recording():
    """100 s at one sample a second: 60 happy, 20 neutral, 10 blurred, 5 damaged, 5 with somebody else alone."""
    kinds = [Emotion.HAPPY] * 60 + [Emotion.NEUTRAL] * 20 + [None] * 10
    results = [FrameResult(n, float(n), (expression(kind),)) for n, kind in enumerate(kinds)]
    results += [FrameResult(n, float(n), damaged=True) for n in range(90, 95)]
    return results + [FrameResult(n, float(n), (expression(Emotion.SAD, track=1, left=300),)) for n in range(95, 100)]


def test_usable_time_comes_with_its_reasons():
    found = read(series_of(recording(), 0))
    assert found.usable_share == pytest.approx(0.8)
    assert found.usable_s == pytest.approx(80)
    assert found.longest_gap_s == pytest.approx(20)
    assert found.reasons == pytest.approx({Status.BLURRED: 0.1, Status.DAMAGED: 0.05, Status.NO_FACE: 0.05})
    assert found.light is Light.GOOD


def test_shares_with_intervals_and_a_derived_index():
    found = read(series_of(recording(), 0))
    assert found.shares[Emotion.HAPPY] == pytest.approx(0.75)
    assert found.shares[Emotion.SAD] == 0
    assert all(low <= share <= high for low, share, high in zip(found.low, found.shares, found.high, strict=True))
    assert 0.3 < found.valence < 0.81
    assert found.expressivity == pytest.approx(0.8833 / 79, rel=0.01)


def test_somebody_who_could_never_be_read_has_no_shares():
    found = read(series_of([FrameResult(n, float(n), (expression(None),)) for n in range(5)], 0))
    assert found.shares == ()
    assert found.light is Light.INSUFFICIENT
    with pytest.raises(ValueError, match="no samples"):
        read(series_of([], 0))


@pytest.mark.parametrize(
    ("share", "seconds", "gap", "expected"),
    [
        (0.9, 300, 5, Light.GOOD),
        (0.9, 300, 31, Light.LIMITED),
        (0.7, 300, 5, Light.LIMITED),
        (0.49, 300, 5, Light.INSUFFICIENT),
        (1.0, 59, 0, Light.INSUFFICIENT),
    ],
)
def test_the_traffic_light(share, seconds, gap, expected):
    assert light(share, seconds, gap) is expected


def test_whose_track_is_meant():
    results = recording()
    assert main_track(results) == 0
    assert main_track([]) is None
    assert find_track(results, 1) == 1
    assert find_track(results, None) == 0
    assert find_track(results, Box(305, 85, 405, 185)) == 1
    assert find_track(results, Box(700, 700, 800, 800)) is None
    assert not math.isnan(read(series_of(results, 1)).valence)


def test_an_episode_lasts_as_long_as_the_label_is_high():
    (happy,) = episodes_of(series_of(recording(), 0))
    assert (happy.emotion, happy.onset_s, happy.end_s) == (Emotion.HAPPY, 0, 59)
    assert episodes_of(series_of([], 0)) == []


def test_smoothing_takes_out_what_is_short_and_fills_no_gap():
    kinds = [Emotion.NEUTRAL] * 10 + [Emotion.HAPPY] + [Emotion.NEUTRAL] * 10 + [None] * 3
    rough = series_of([FrameResult(n, n / 5, (expression(kind),)) for n, kind in enumerate(kinds)], 0)
    assert rough.outputs[10].argmax() == Emotion.HAPPY
    calm = rough.smoothed(1.0)
    assert calm.outputs[10].argmax() == Emotion.NEUTRAL
    assert np.isnan(calm.outputs[-3:]).all()
    assert calm.statuses == rough.statuses
