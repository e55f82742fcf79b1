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


@pytest.mark.parametrize("left", [-110, -90, -60, 290])
def test_a_window_that_reaches_out_of_the_picture_gives_a_box_of_the_same_size(detector, left):
    """The face is as large wherever it stands; clipping the window would stretch what the net sees."""
    [inside] = detector.detect([scene(left=60, top=20)])[0]
    window = inside.window.moved(left - 60, 0)
    [[found]] = detector.refind([scene(left=left, top=20)], [[window]])
    assert found.box.area == pytest.approx(inside.box.area, rel=0.35)
    assert found.box.iou(inside.box.moved(left - 60, 0)) > 0.7


def test_no_box_is_larger_than_the_picture(detector):
    picture = scene(left=-180, top=-180, side=900, size=(480, 320))
    for face in detector.refind([picture], [[Box(-400, -500, 900, 800), Box(-100, -100, 500, 500)]])[0]:
        assert face.box.width <= 480
        assert face.box.height <= 320


def test_a_picture_s_faces_are_faces_in_its_mirror_image_too(detector, monkeypatch):
    [face] = detector.detect([scene()], both_ways=True)[0]
    assert face == detector.detect([scene()])[0][0]
    [seen] = detector.refind([np.ascontiguousarray(scene()[:, ::-1])], [[mirrored(face.window, 480)]])[0]
    monkeypatch.setattr("fer_core.faces.detector.MIRRORED_THRESHOLD", seen.confidence - 0.01)
    assert detector.detect([scene()], both_ways=True)[0] == [face]
    monkeypatch.setattr("fer_core.faces.detector.MIRRORED_THRESHOLD", 1.01)
    assert detector.detect([scene()], both_ways=True)[0] == []
    assert detector.detect([scene()])[0] == [face]


def mirrored(box, width_px):
    return Box(width_px + 1 - box.right, box.top, width_px + 1 - box.left, box.bottom)
