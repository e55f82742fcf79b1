"""A recording as a whole."""

import math

import numpy as np
import pytest

from fer_core.emotions import Emotion
from fer_core.reading.reading import Light, Series, episodes_of, find_track, light, main_track, read, series_of
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
    assert found.light is Light.LIMITED


def test_a_long_and_lively_recording_is_a_good_basis():
    rng = np.random.default_rng(0)
    kinds = np.repeat(rng.choice([Emotion.HAPPY, Emotion.NEUTRAL, Emotion.SAD], 150), 4)
    found = read(series_of([FrameResult(n, float(n), (expression(Emotion(k)),)) for n, k in enumerate(kinds)], 0))
    assert found.size > 30
    assert found.light is Light.GOOD


def test_a_hole_is_neither_usable_time_nor_a_share():
    results = [FrameResult(n, n * 0.2, (expression(Emotion.HAPPY),)) for n in range(300)]
    results += [FrameResult(300 + n, 660 + n * 0.2, (expression(Emotion.SAD),)) for n in range(300)]
    found = read(series_of(results, 0, every_s=0.2))
    assert found.usable_s == pytest.approx(120.2)
    assert found.longest_gap_s == pytest.approx(599.8)
    assert found.shares[Emotion.HAPPY] == pytest.approx(0.5, abs=0.001)
    assert found.light is Light.LIMITED


def test_a_share_is_one_of_time_where_samples_are_uneven():
    times = np.concatenate([np.arange(300) * 0.1, 30 + np.arange(150) * 0.2])
    kinds = [Emotion.HAPPY] * 300 + [Emotion.SAD] * 150
    results = [FrameResult(n, float(t), (expression(k),)) for n, (t, k) in enumerate(zip(times, kinds, strict=True))]
    assert read(series_of(results, 0, every_s=0.1)).shares[Emotion.HAPPY] == pytest.approx(0.5, abs=0.001)


def test_under_twenty_seconds_there_is_only_the_range():
    found = read(series_of([FrameResult(n, n * 0.2, (expression(Emotion.HAPPY),)) for n in range(95)], 0, 0.2))
    assert (set(found.low), set(found.high)) == ({0.0}, {1.0})
    assert not found.interval_known


def test_pictures_are_independent():
    kinds = [Status.OK] * 6 + [Status.NO_FACE] * 2
    outputs = np.where(np.arange(8)[:, None] < 6, np.eye(7)[Emotion.HAPPY], np.nan)
    found = read(Series(np.arange(8.0), tuple(kinds), outputs, every_s=None))
    assert found.usable_share == 0.75
    assert found.usable_s is None
    assert found.sizes == (6.0,) * 8
    assert 0.5 < found.low[Emotion.HAPPY] < 0.7
    assert found.movement is None


def test_shares_with_intervals_and_a_derived_index():
    found = read(series_of(recording(), 0))
    assert found.shares[Emotion.HAPPY] == pytest.approx(0.75)
    assert found.shares[Emotion.SAD] == 0
    assert all(low <= share <= high for low, share, high in zip(found.low, found.shares, found.high, strict=True))
    assert found.valence == pytest.approx(0.75 * 0.81)
    assert found.valence_reach > 0
    assert found.movement is None


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


def test_few_independent_samples_are_no_good_basis():
    assert light(0.9, 300, 5, 29) is Light.LIMITED
    assert light(0.9, 300, 5, 30) is Light.GOOD


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
    show_errors = rough.smoothed(1.0)
    assert show_errors.outputs[10].argmax() == Emotion.NEUTRAL
    assert np.isnan(show_errors.outputs[-3:]).all()
    assert show_errors.statuses == rough.statuses


def test_smoothing_decides_again_what_has_a_label():
    kinds = [Emotion.NEUTRAL, Emotion.HAPPY] * 20 + [None]
    results = [FrameResult(n, n / 5, (expression(kind),)) for n, kind in enumerate(kinds)]
    show_errors = series_of(results, 0, 0.2, uncertain_below=0.7).smoothed(1.0)
    assert set(show_errors.statuses[5:-6]) == {Status.UNCERTAIN}
    assert show_errors.statuses[-1] is Status.BLURRED
    assert set(series_of(results, 0, 0.2, uncertain_below=0.4).smoothed(1.0).statuses[:-1]) == {Status.OK}
