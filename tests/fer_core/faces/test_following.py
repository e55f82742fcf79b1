"""Search seldom, follow in between, and search at once when a face is lost."""

import numpy as np

from fer_core.faces.following import SEARCH_EVERY_S, Follower
from tests.fakes import FakeDetector, face_at

PICTURE = np.zeros((400, 600, 3), np.uint8)


def follow(faces_at, seconds, every_s=0.1):
    """Run a follower over moments; `faces_at(time_s)` says who is there. Returns the detector and the faces found."""
    now = 0.0
    detector = FakeDetector(lambda rgb: faces_at(now))
    follower, found = Follower(detector), []
    for number in range(round(seconds / every_s)):
        now = number * every_s
        found.append(follower.faces(now, PICTURE))
    return detector, found


def test_a_face_that_stays_is_searched_for_seldom():
    detector, found = follow(lambda t: [face_at(100 + 20 * t, 100)], 10)
    assert all(len(faces) == 1 and faces[0].track == 0 for faces in found)
    assert detector.searches == 10 / SEARCH_EVERY_S
    assert detector.searches + detector.looks == 100


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


def test_an_empty_room_costs_little():
    detector, found = follow(lambda t: [], 8)
    assert not any(found)
    assert detector.looks == 0
    assert detector.searches <= 21
