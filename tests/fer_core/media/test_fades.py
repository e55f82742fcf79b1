"""Cross-fades between scenes, and what only looks like one."""

import numpy as np
import pytest
from PIL import Image

from fer_core.media.fades import LONGEST_S, Fades
from fer_core.media.shots import HEIGHT, WIDTH
from tests.media import scene

ONE, OTHER = scene().astype(float), np.rot90(scene(size=(320, 480)), 1).astype(float)


def luma(picture):
    """A picture as `Shots` keeps it."""
    grey = Image.fromarray(picture.clip(0, 255).astype(np.uint8)).convert("L")
    return grey.resize((WIDTH, HEIGHT), Image.Resampling.BOX).tobytes().hex()


def ends(pictures, every_s):
    """The moments at which a fade ends, as numbers of pictures."""
    fades = Fades()
    return [n for n, picture in enumerate(pictures) if fades.ends(n * every_s, luma(picture))]


def mixed(share):
    return ONE * (1 - share) + OTHER * share


@pytest.mark.parametrize("every_s", [0.04, 0.1, 0.2])
@pytest.mark.parametrize("fade_s", [0.5, 1.0, 1.4])
def test_a_fade_is_found_before_it_is_over_or_just_after(every_s, fade_s):
    shares = np.clip((np.arange(0, 4, every_s) - 1) / fade_s, 0, 1)
    found = ends([mixed(share) for share in shares], every_s)
    assert found
    assert 1 < found[0] * every_s <= 1 + fade_s + 0.2
    assert found[-1] * every_s <= 1 + fade_s + 0.2, "nothing is found in the still picture after it"


def test_a_scene_that_fades_to_black_ends():
    black = np.zeros_like(ONE)
    assert ends([ONE] * 5 + [ONE * share for share in (0.8, 0.6, 0.4, 0.2)] + [black] * 5, 0.2)


@pytest.mark.parametrize(
    "pictures",
    [
        [ONE] * 20,
        [ONE] * 10 + [OTHER] * 10,
        [scene(left=10 * n).astype(float) for n in range(20)],
        [np.roll(ONE, 24 * n, axis=1) for n in range(20)],
        [ONE * gain for gain in np.linspace(1, 0.3, 20)],
        [mixed(abs((n % 4) - 2) / 20) for n in range(20)],
        [np.full_like(ONE, 30 + 8 * n) for n in range(20)],
    ],
    ids=["still", "cut", "face-that-moves", "pan", "dimmed-light", "flicker", "blank"],
)
@pytest.mark.parametrize("every_s", [0.1, 0.2])
def test_nothing_else_is_a_fade(pictures, every_s):
    assert ends(pictures, every_s) == []


def test_what_is_forgotten_and_what_is_long_ago_is_not_compared():
    slow = [mixed(share) for share in np.linspace(0, 1, 5)]
    assert ends(slow, 0.2)
    assert ends(slow, LONGEST_S) == []
    fades = Fades()
    for n, picture in enumerate(slow[:-1]):
        fades.ends(n * 0.01, luma(picture))
    fades.forget()
    assert not fades.ends(2.0, luma(slow[-1]))


@pytest.mark.parametrize("begin_s", [0.0, 0.3, 0.8, 1.2, 1.6])
def test_a_face_that_turns_back_in_a_plain_room_is_no_fade(begin_s):
    """Where it moves slowly, a picture in between is nearly a mixture of the one before and the one after."""
    times = begin_s + np.arange(0, 4, 0.2)
    left = (60 + 200 * (0.5 - 0.5 * np.cos(2 * np.pi * times / 4))).round().astype(int)
    pictures = [scene(left=int(x), top=90, side=300, size=(640, 480)).astype(float) for x in left]
    assert ends(pictures, 0.2) == []
