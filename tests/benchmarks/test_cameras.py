"""Other cameras in the simulation turn labels at the measured rates, and are known by figures that were measured."""

import numpy as np
import pytest

from benchmarks.cameras import CAMERAS, COLUMNS, MADE, USUAL, Camera, measured, table
from tests.fakes import FakeClassifier


def test_each_camera_says_how_all_labels_turn():
    assert CAMERAS.keys() == MADE.keys()
    for camera in CAMERAS.values():
        rates = np.array(camera.turns)
        assert rates.shape == (COLUMNS, COLUMNS)
        assert rates.sum(axis=1) == pytest.approx(100, abs=3)


def test_labels_turn_at_the_rates():
    rng = np.random.default_rng(0)
    camera = CAMERAS["faces 24 px wide"]
    turned = camera.labels(rng, np.full(20_000, 4))
    found = np.bincount(turned, minlength=COLUMNS) / 200
    expected = np.array(camera.turns[4]) / sum(camera.turns[4]) * 100
    assert found == pytest.approx(expected, abs=1.5)
    assert USUAL.labels(rng, turned) is turned


def test_a_camera_drifts_from_one_to_another():
    end = CAMERAS["faces 24 px wide"]
    half = USUAL.towards(end, 0.5)
    assert half.face_px == pytest.approx(np.sqrt(USUAL.face_px * end.face_px))
    assert half.turns[4][4] == pytest.approx((100 + end.turns[4][4]) / 2)
    assert USUAL.towards(end, 1.0).turns == end.turns


def test_more_light_alone_makes_no_other_sharpness_in_equal_light():
    brighter = Camera(48, 1000, 100).unsteady(np.array([0.0, 0.0, np.log(2), 0.0]))
    assert (brighter.brightness, brighter.bits_per_pixel) == pytest.approx((200, 3.17))
    assert brighter.sharpness / brighter.brightness**2 == pytest.approx(1000 / 100**2)


def test_a_camera_is_measured_from_pictures():
    faces = np.random.default_rng(0).integers(0, 255, (5, 48, 48), np.uint8)
    found = dict(measured(FakeClassifier(), faces))
    assert found["usual"].turns is None
    assert found["40 % of the light"].brightness == pytest.approx(0.4 * found["usual"].brightness, rel=0.02)
    assert found["blur, sigma 1 px"].sharpness < found["blur, sigma 0.7 px"].sharpness < found["usual"].sharpness
    assert found["JPEG, quality 20"].bits_per_pixel < 0.7 * found["JPEG, quality 50"].bits_per_pixel
    assert found["JPEG, quality 50"].bits_per_pixel < 0.7 * found["usual"].bits_per_pixel
    assert found["faces 24 px wide"].turns[3][3] == 100
    assert len(list(table(iter(found.items())))) == 1 + len(CAMERAS) * (COLUMNS + 1)
