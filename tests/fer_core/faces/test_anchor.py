"""A second look is bound to what the last search saw."""

from dataclasses import replace

import pytest

from fer_core.faces.anchor import AREA_BOUND, FITS_IOU, HELD_WITHIN, Anchor
from fer_core.types import Box
from tests.fakes import face_at


def anchor():
    return Anchor.searched(replace(face_at(100, 90), window=Box(80, 70, 220, 210)), None)


def test_a_face_that_hardly_moves_is_looked_for_in_the_same_window():
    assert anchor().window_at(Box(105, 92, 205, 192)) == Box(80, 70, 220, 210)


def test_a_face_that_moved_on_is_looked_for_in_a_window_that_lies_about_it_as_the_search_lay():
    moved = Box(300, 190, 500, 390)
    window = anchor().window_at(moved)
    assert (window.left, window.top, window.width) == (260, 150, 280)


def test_a_window_that_a_face_left_gives_way_to_the_one_about_it():
    before = anchor()
    kept, fresh = before.window, before.placed(Box(140, 90, 240, 190))
    assert before.fitting(Box(103, 91, 203, 191), kept) is None, "the face stays"
    assert before.fitting(Box(112, 90, 212, 190), kept) == Box(92, 70, 232, 210)
    assert before.fitting(Box(143, 90, 243, 190), fresh) is None, "the face is where it was expected"
    assert before.fitting(Box(160, 90, 260, 190), fresh) == Box(140, 70, 280, 210)


def test_a_window_in_which_a_face_stays_is_kept_however_it_lies_in_it():
    """Else two windows could lead to each other for ever, and a face in a still picture would move."""
    before = anchor()
    beside = replace(before, given=Box(120, 90, 220, 190))
    assert beside.placed(beside.given).iou(beside.window) < FITS_IOU
    assert beside.fitting(Box(121, 90, 221, 190), beside.window) is None


def test_a_look_in_the_same_window_changes_neither_the_window_nor_the_size_it_is_bound_to():
    before = anchor()
    after = before.seen(face_at(103, 90, side=104), before.window, None)
    assert (after.window, after.given, after.area) == (before.window, before.given, before.area)


@pytest.mark.parametrize(("side", "allowed"), [(100, True), (138, True), (145, False), (73, True), (68, False)])
def test_the_size_is_bound_to_that_of_the_last_search(side, allowed):
    assert AREA_BOUND == 2.0
    assert anchor().allows(face_at(100, 90, side=side).box) == allowed


def test_the_box_that_is_shown_stays_until_an_edge_has_moved():
    before = anchor()
    still = before.seen(face_at(100 + 90 * HELD_WITHIN, 90), before.window, None)
    assert still.held == before.held
    moved = still.seen(face_at(100 + 110 * HELD_WITHIN, 90), before.window, None)
    assert moved.held.left == pytest.approx(100 + 110 * HELD_WITHIN)
