"""Search seldom, follow in between, and search at once when a face is lost."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fer_core.carry import from_json, to_json
from fer_core.faces.anchor import AREA_BOUND
from fer_core.faces.detector import Detector
from fer_core.faces.following import SEARCH_EMPTY_EVERY_S, SEARCH_EVERY_S, Follower, FollowerState
from tests.fakes import FakeDetector, face_at
from tests.media import scene

PICTURE = np.zeros((400, 600, 3), np.uint8)


def follow(faces_at, seconds, every_s=0.1, detector=FakeDetector):
    """Run a follower over moments; `faces_at(time_s)` says who is there. Returns the detector and the faces found."""
    now = 0.0
    detector = detector(lambda rgb: faces_at(now))
    follower, found = Follower(detector), []
    for number in range(round(seconds / every_s)):
        now = number * every_s
        found.append(follower.faces(now, PICTURE))
    return detector, found


def test_a_face_that_stays_is_searched_for_seldom():
    detector, found = follow(lambda t: [face_at(100 + t / 3, 100)], 10)
    assert all(len(faces) == 1 and faces[0].track == 0 for faces in found)
    assert detector.searches == 10 / SEARCH_EVERY_S
    # Each picture but the first is looked at again; a search only confirms what a look finds.
    assert detector.looks == 99


def test_a_face_that_leaves_its_window_is_looked_at_twice_then():
    detector, found = follow(lambda t: [face_at(100 + 20 * t, 100)], 10)
    assert all(len(faces) == 1 and faces[0].track == 0 for faces in found)
    assert detector.searches == 10 / SEARCH_EVERY_S
    assert 99 < detector.looks < 99 + 40


def test_a_jump_is_searched_for_at_once():
    detector, found = follow(lambda t: [face_at(100 if t < 0.95 else 400, 100)], 1.5)
    assert all(len(faces) == 1 for faces in found)
    assert detector.searches == 2


def test_a_newcomer_is_found_within_the_search_interval():
    _, found = follow(lambda t: [face_at(50, 50)] + ([face_at(400, 200)] if t >= 1.05 else []), 4)
    seen = [len(faces) for faces in found]
    assert seen[10] == 1
    assert seen[-1] == 2
    assert seen.index(2) * 0.1 <= 1.05 + SEARCH_EVERY_S


def test_only_a_sure_face_begins_and_one_that_is_followed_may_become_less_sure():
    """A nape, a letter on a title and a patch of paving had labels for as long as they were in the picture."""

    def faces_at(time_s):
        sure = 0.9 if time_s < 1.95 or time_s > 3.05 else 0.99
        return [replace(face_at(200, 90), confidence=sure)]

    _, found = follow(faces_at, 6)
    assert [len(faces) for faces in found] == [0] * 20 + [1] * 40
    assert {face.track for faces in found for face in faces} == {0}


@pytest.mark.parametrize(("top", "sure"), [(-30, 0.9), (-30, 0.99), (20, 0.99), (90, 0.9), (90, 0.999)])
def test_a_part_of_a_face_is_nobody_beside_it(top, sure):
    """A boy's forehead had a number of its own: it reached the picture's edge, and overlapped with his own face."""

    class OneEach(FakeDetector):
        """Finds one face in each window, as the last net does."""

        def refind(self, frames, boxes):
            faces = self.script(frames[0])
            return [[max(faces, key=lambda face: face.box.iou(box)) for box in boxes[0]]]

    def faces_at(time_s):
        part = [replace(face_at(205, top), confidence=sure)] if time_s > 1.95 else []
        return [face_at(200, top + 45), *part]

    _, found = follow(faces_at, 6, detector=OneEach)
    assert {face.track for faces in found for face in faces} == {0}
    assert {face.box.top for faces in found for face in faces} == {top + 45}


def test_two_people_close_together_keep_their_numbers():
    _, found = follow(lambda t: [face_at(100, 100), face_at(160 - min(t, 4) * 6, 110, confidence=0.97)], 6)
    assert all([face.track for face in faces] == [0, 1] for faces in found)


def test_an_empty_room_costs_little():
    detector, found = follow(lambda t: [], 8)
    assert not any(found)
    assert detector.looks == 0
    assert detector.searches <= 8 / SEARCH_EMPTY_EVERY_S + 1


@pytest.mark.parametrize("every_s", [0.2, 0.1, 1 / 24, 1 / 25, 1 / 30, 1 / 60])
def test_who_comes_into_an_empty_room_is_found_within_a_fifth_of_a_second(every_s):
    for begins_s in (3.0, 3.03, 3.07, 3.11, 3.15):
        _, found = follow(lambda t, begins_s=begins_s: [face_at(300, 90)] if t >= begins_s else [], 4, every_s)
        late = [n * every_s for n, faces in enumerate(found) if n * every_s >= begins_s and not faces]
        assert not late or late[-1] + every_s <= begins_s + 0.2 + 1e-9


def looped(scenes):
    """Follow real pictures with the real detector, a search only at the first and where following says so."""
    follower = Follower(Detector("cpu"), search_every_s=1e9)
    return [follower.faces(n * 0.04, rgb) for n, rgb in enumerate(scenes)]


@pytest.mark.parametrize("left", [60, -40, -75, 280])
def test_a_still_picture_gives_a_still_box_also_at_the_edge(left):
    found = looped([scene(left=left, top=20)] * 40)
    boxes = {faces[0].box for faces in found}
    assert all(len(faces) == 1 and faces[0].track == 0 for faces in found)
    assert len(boxes) == 1


def test_a_still_picture_with_the_noise_of_a_camera_gives_a_still_box():
    noise = np.random.default_rng(1)
    pictures = [np.clip(scene() + noise.normal(0, 3, (320, 480, 3)), 0, 255).astype(np.uint8) for _ in range(40)]
    areas = [faces[0].box.area for faces in looped(pictures)]
    assert max(areas) / min(areas) < 1.03


def test_a_face_that_moves_over_the_edge_keeps_its_size_and_number():
    found = looped([scene(left=round(40 - 3 * n), top=20) for n in range(35)])
    assert all(len(faces) == 1 and faces[0].track == 0 for faces in found)
    areas = [faces[0].box.area for faces in found]
    assert max(areas) / min(areas) < 1.5


def test_the_box_of_a_face_that_moves_quickly_is_that_of_a_search():
    """One look into the window where it was expected gave a box that lags behind."""
    detector = Detector("cpu")
    follower = Follower(detector, search_every_s=1e9)
    left = [round(150 + 110 * np.sin(n / 2.5)) for n in range(24)]
    pictures = [scene(left=x, top=40, side=200, size=(640, 300)) for x in left]
    overlaps = [
        follower.faces(n * 0.2, rgb)[0].box.iou(detector.detect([rgb])[0][0].box) for n, rgb in enumerate(pictures)
    ]
    assert np.median(overlaps) > 0.94


def test_looks_never_let_a_box_grow_without_a_search():
    """A detector whose looks grow by a tenth each time, as clipped windows once made them do."""
    side = 100.0
    searched = FakeDetector(lambda rgb: [face_at(100, 100)])

    def growing(frames, boxes):
        nonlocal side
        side *= 1.1
        return [[face_at(100, 100, side=side)]]

    searched.refind = growing
    follower = Follower(searched, search_every_s=1e9)
    areas = [follower.faces(n * 0.04, PICTURE)[0].box.area for n in range(60)]
    assert max(areas) <= AREA_BOUND * 100**2
    assert searched.searches > 3


def test_going_on_from_any_frame_gives_the_same_boxes():
    pictures = [scene(left=round(40 - 4 * n), top=20) for n in range(24)]
    whole, detector = looped(pictures), Detector("cpu")
    for stop in (1, 9, 17):
        follower = Follower(detector, search_every_s=1e9)
        for n in range(stop):
            follower.faces(n * 0.04, pictures[n])
        again = Follower.resumed(detector, from_json(FollowerState, json.loads(json.dumps(to_json(follower.state())))))
        again._search_every_s = 1e9
        assert [again.faces(n * 0.04, pictures[n]) for n in range(stop, 24)] == whole[stop:]
