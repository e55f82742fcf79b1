"""Whether a face is another person's, told by the looks of the last moments; real following in test_following.py."""

import numpy as np
import pytest

from fer_core.faces.appearance import EVERY_S, REMEMBERED_S, Appearance
from fer_core.faces.following import Follower
from tests.fakes import FakeDetector, face_at
from tests.media import scene, somebody_else

LEFT, RIGHT = face_at(60, 40, 120), face_at(340, 40, 120)


def gallery(first, second):
    """A call's gallery of two places."""
    return np.concatenate([first[:, :240], second[:, :240]], axis=1)


def numbers(pictures, faces=(LEFT, RIGHT), every_s=0.2, forget_before=None):
    """Follow faces that stay where they are; return the numbers at each moment."""
    follower, found = Follower(FakeDetector(lambda rgb: list(faces))), []
    for moment, rgb in enumerate(pictures):
        if moment == forget_before:
            follower.forget_appearance()
        found.append([face.track for face in follower.faces(moment * every_s, rgb)])
    return found


@pytest.mark.parametrize("every_s", [0.2, 0.1, 1 / 30])
def test_swapped_places_get_new_numbers(every_s):
    one, other = scene(left=0), somebody_else(left=0)
    found = numbers([gallery(one, other)] * 20 + [gallery(other, one)] * 20, every_s=every_s)
    assert found[19] == [0, 1]
    # Looks lie up to `EVERY_S` apart.
    late = 20 + round(EVERY_S / every_s)
    assert all(set(seen).isdisjoint({0, 1}) for seen in found[late:])
    assert {tuple(seen) for seen in found[late:]} == {(2, 3)}, "each new one keeps its number"


def test_one_place_that_changes_leaves_the_other_its_number():
    one, other = scene(left=0), somebody_else(left=0)
    found = numbers([gallery(one, one)] * 5 + [gallery(one, other)] * 5)
    assert found[4] == [0, 1]
    assert {tuple(seen) for seen in found[5:]} == {(0, 2)}


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_a_cross_fade_does_not_hand_a_number_on(frames):
    one, other = scene(left=0).astype(float), somebody_else(left=0).astype(float)
    shares = [0.0] * 8 + [(n + 1) / (frames + 1) for n in range(frames)] + [1.0] * 8
    found = numbers([(one * (1 - s) + other * s).astype(np.uint8) for s in shares], [LEFT])
    assert found[7] == [0]
    assert 0 not in {number for seen in found[8 + frames :] for number in seen}


def test_a_face_that_turns_dark_and_bright_again_stays_who_it_is():
    gains = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.6, 0.8, 1.0, 1.1]
    found = numbers([(scene(left=0) * gain).clip(0, 255).astype(np.uint8) for gain in gains], [LEFT])
    assert {tuple(seen) for seen in found} == {(0,)}


def returned(before, after, gap=4, steps=None):
    """The numbers of one place: somebody, nobody for `gap` moments of 0.2 s, and who comes then."""
    follower, found = Follower(FakeDetector(lambda rgb: [LEFT] if rgb.any() else [])), []
    for moment, rgb in enumerate([before] * 5 + [np.zeros_like(before)] * gap + [after] * 5):
        found.append([face.track for face in follower.faces(moment * 0.2, rgb)])
        if moment == steps:
            follower.forget_appearance()
    return found


@pytest.mark.parametrize("gap", [2, 4, 8])
def test_somebody_else_at_the_place_after_a_gap_gets_a_number_of_their_own(gap):
    found = returned(scene(left=0), somebody_else(left=0), gap)
    assert found[4] == [0]
    assert {tuple(seen) for seen in found[5 + gap :]} == {(1,)}


@pytest.mark.parametrize("gain", [0.6, 1.0, 1.2])
def test_who_comes_back_after_a_gap_keeps_the_number_in_other_light_too(gain):
    found = returned(scene(left=0), (scene(left=0) * gain).clip(0, 255).astype(np.uint8))
    assert {tuple(seen) for seen in found[9:]} == {(0,)}


def test_who_is_lost_when_looks_are_forgotten_is_not_taken_for_somebody_later():
    assert {tuple(seen) for seen in returned(scene(left=0), scene(left=0), steps=6)[9:]} == {(1,)}


def test_what_is_forgotten_is_not_compared():
    one, other = scene(left=0), somebody_else(left=0)
    found = numbers([one] * 5 + [other] * 5, [LEFT], forget_before=5)
    assert {tuple(seen) for seen in found} == {(0,)}


def test_looks_of_long_ago_and_of_the_lost_are_dropped():
    appearance = Appearance()
    for moment in range(40):
        appearance.look(moment * 0.2, scene(left=0), [LEFT])
        appearance.keep([moment % 2], followed=[moment % 2])
    assert list(appearance._seen) == [1]
    times = [one.time_s for one in appearance._seen[1]]
    assert times[-1] - times[0] <= REMEMBERED_S


@pytest.mark.parametrize(("back", "keeps"), [(scene(left=0), True), (somebody_else(left=0), False)])
def test_who_comes_back_after_a_second_keeps_the_number_and_somebody_else_gets_another(back, keeps):
    before, nobody, moved = scene(left=0), np.zeros_like(back), np.roll(back, 80, axis=1)
    places = {id(before): [LEFT], id(nobody): [], id(moved): [face_at(140, 40, 120)]}
    pictures = [before] * 6 + [nobody] * 5 + [moved] * 5
    follower, found = Follower(FakeDetector(lambda rgb: places[id(shown)])), []
    for moment, shown in enumerate(pictures):
        found.append([face.track for face in follower.faces(moment * 0.2, shown)])
    assert found[5] == [0]
    assert found[6:11] == [[]] * 5
    assert {tuple(one) for one in found[11:]} == {(0,) if keeps else (1,)}
