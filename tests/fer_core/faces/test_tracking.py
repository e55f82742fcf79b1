"""Numbers stay with people by position and motion."""

from fer_core.faces.tracking import KEEP_LOST_S, Tracker
from tests.fakes import face_at


def walk(moments, every_s=0.2):
    """Feed lists of faces; return the track numbers of each moment."""
    tracker = Tracker()
    return [[f.track for f in tracker.update(n * every_s, faces)] for n, faces in enumerate(moments)]


def test_two_who_stay_keep_their_numbers_in_any_order():
    a, b = face_at(50, 50), face_at(300, 50)
    assert walk([[a, b], [b, a], [a], [b, a]]) == [[0, 1], [1, 0], [0], [1, 0]]


def test_two_who_cross_keep_their_numbers():
    moments = [[face_at(40 * n, 50), face_at(600 - 40 * n, 80)] for n in range(16)]
    assert walk(moments) == [[0, 1]] * 16


def test_a_short_loss_keeps_the_number_a_long_one_does_not():
    seen = [face_at(100, 100)]
    short = walk([seen, seen, [], [], [], seen])
    assert short[-1] == [0]
    away = [[]] * round(KEEP_LOST_S / 0.2 + 1)
    assert walk([seen, *away, seen])[-1] == [1]


def test_someone_elsewhere_is_someone_else():
    assert walk([[face_at(50, 50)], [face_at(400, 50)]]) == [[0], [1]]
    assert walk([[face_at(50, 50, side=40)], [face_at(0, 0, side=300)]]) == [[0], [1]]


def test_where_a_moving_face_is_expected():
    tracker = Tracker()
    for n in range(10):
        tracker.update(n * 0.2, [face_at(100 + 10 * n, 50)])
    [box] = tracker.expected(2.0).values()
    assert 195 <= box.left <= 205
