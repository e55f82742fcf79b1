"""The real detector on a real face."""

import numpy as np
import pytest

from fer_core.faces.detector import Detector
from fer_core.types import Box
from tests.media import scene


@pytest.fixture(scope="module")
def detector():
    return Detector("cpu")


def test_one_face_with_its_landmarks_and_none_where_there_is_none(detector):
    empty = np.random.default_rng(0).integers(0, 256, (320, 480, 3)).astype(np.uint8)
    [found], nothing = detector.detect([scene(left=60, top=20, side=260), empty])
    assert nothing == []
    assert found.confidence > 0.95
    # In the portrait the face spans about 90 to 190 px across and 60 to 190 px down.
    assert found.box.iou(Box(60 + 78, 20 + 52, 60 + 165, 20 + 165)) > 0.6
    (left_x, left_y), (right_x, right_y), (nose_x, nose_y), *mouth = found.landmarks
    assert left_x < nose_x < right_x
    assert max(left_y, right_y) < nose_y < min(y for _, y in mouth)


def test_a_second_look_agrees_with_the_search(detector):
    pictures = [scene(left=60), scene(left=66)]
    searched = detector.detect(pictures)
    again = detector.refind(pictures, [[searched[0][0].box]] * 2)
    for first, second in zip(searched, again, strict=True):
        assert len(second) == 1
        assert first[0].box.iou(second[0].box) > 0.8
    assert detector.refind(pictures, [[], []]) == [[], []]


def test_boxes_outside_are_survived(detector):
    [found] = detector.refind([scene()], [[Box(-500, -500, -300, -300), Box(470, 310, 700, 600)]])
    assert found == []


def test_no_pictures_no_faces(detector):
    assert detector.detect([]) == []
    assert detector.refind([], []) == []
