"""How alike faces look: the same person elsewhere and under other light, and somebody else."""

import numpy as np
import pytest

from fer_core.faces.likeness import PROBABLY_ONE, Alike, likeness, look, probably_one
from fer_core.types import Box
from tests.media import scene, somebody_else

BOX = Box(130, 60, 230, 190)
WITH_MARGIN = (slice(21, 229), slice(100, 260))
"""The part of the picture that `look` takes for `BOX`: 0.3 of its sides more on each side."""


def test_a_face_looks_like_itself_wherever_it_is():
    here = look(scene(left=60), BOX)
    assert here.sum(axis=1) == pytest.approx(np.ones(4))
    assert likeness(here, here) == pytest.approx(1)
    assert likeness(here, look(scene(left=160), BOX.moved(100, 0))) > 0.95


@pytest.mark.parametrize("gain", [0.5, 0.7, 1.2])
def test_other_light_makes_nobody_another(gain):
    lit = (scene() * gain).clip(0, 255).astype(np.uint8)
    assert likeness(look(scene(), BOX), look(lit, BOX)) > PROBABLY_ONE


def test_somebody_else_looks_otherwise():
    assert likeness(look(scene(), BOX), look(somebody_else(), BOX)) < 0.45


def test_a_picture_of_the_face_with_its_margin_says_the_same():
    cut_out = scene()[WITH_MARGIN]
    assert likeness(look(scene(), BOX), look(cut_out)) > 0.95


@pytest.mark.parametrize("box", [Box(-90, 20, 60, 200), Box(440, 250, 600, 420), Box(700, 500, 800, 600)])
def test_a_face_at_the_edge_or_outside_has_a_look_too(box):
    assert look(scene(), box).sum(axis=1) == pytest.approx(np.ones(4))


def test_a_black_picture_has_a_look():
    assert look(np.zeros((90, 90, 3), np.uint8)).sum(axis=1) == pytest.approx(np.ones(4))


def test_pairs_that_look_alike_are_proposed_unless_they_are_seen_together():
    looks = {4: [look(scene(), BOX)], 0: [look(scene(left=80), BOX.moved(20, 0))], 2: [look(somebody_else(), BOX)]}
    [pair] = probably_one(looks, together=set())
    assert pair == Alike(0, 4, pytest.approx(1, abs=0.1))
    assert probably_one(looks, together={(0, 4)}) == []
    assert probably_one({}, set()) == []


def test_one_view_of_each_that_looks_alike_suffices():
    dark, lit, other = (scene() * 0.5).astype(np.uint8), scene(), somebody_else()
    turned = [look(lit[:, ::-1], BOX), look(other[:, ::-1], BOX)]
    assert probably_one({0: turned, 1: [look(dark, BOX)]}, set()) == []
    [pair] = probably_one({0: [*turned, look(lit, BOX)], 1: [look(dark, BOX)], 2: []}, set())
    assert (pair.first, pair.second) == (0, 1)
