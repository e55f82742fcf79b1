"""Cuts are found, movement, light and noise are none."""

import numpy as np
import pytest

from fer_core.media import video
from fer_core.media.passage import Bookmark
from fer_core.media.shots import HEIGHT, WIDTH, Shots
from tests.media import FACE, scene, write_clip


def luma(levels):
    return np.clip(levels, 0, 255).astype(np.uint8).tobytes().hex()


def cuts(pictures):
    """The numbers of the pictures, given as levels, with which a shot begins."""
    shots, found = Shots(), []
    for number, levels in enumerate(pictures):
        shots, cut = shots.after(luma(levels))
        found += [number] if cut else []
    return found


RNG = np.random.default_rng(3)
WIDE = np.cumsum(RNG.normal(0, 9, (HEIGHT, 40 * WIDTH)), axis=1) + 128
ONE, OTHER = RNG.uniform(0, 255, (2, HEIGHT, WIDTH))


def test_a_cut_is_found_at_its_picture():
    assert cuts([ONE, ONE, ONE, OTHER, OTHER, OTHER, ONE]) == [3, 6]


def test_a_still_picture_with_noise_has_no_cut():
    assert cuts([ONE + RNG.normal(0, 2, ONE.shape) for _ in range(50)]) == []


@pytest.mark.parametrize("step", [1, 3, 8])
def test_a_pan_has_no_cut(step):
    assert cuts([WIDE[:, step * n : step * n + WIDTH] for n in range(50)]) == []


def test_light_that_is_switched_on_has_no_cut():
    assert cuts([*[ONE * 0.4] * 5, *[ONE * 0.9] * 5]) == []


def test_after_a_blank_picture_another_shot_begins():
    assert cuts([ONE, ONE, ONE, np.zeros_like(ONE), np.zeros_like(ONE)]) == [3]


def speaker_view(count=36, every=12):
    """Two people take turns at the same place, each before a wall of their own."""
    walls = RNG.integers(0, 256, (2, 8, 12, 3), dtype=np.uint8)
    pictures = []
    for number in range(count):
        who = number // every % 2
        picture = walls[who].repeat(40, 0).repeat(40, 1)
        picture[10:310, 90:390] = FACE if who else FACE[:, ::-1]
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize("every_s", [0.0, 0.2, 0.5])
def test_the_sample_after_a_cut_says_so_at_every_rate(tmp_path, every_s):
    path = write_clip(tmp_path / "v.mp4", speaker_view())
    found = [frame.time_s for frame in video.frames(path, every_s) if frame.cut]
    grid = every_s or 0.1
    assert found == pytest.approx([np.ceil(at / grid - 1e-9) * grid for at in (1.2, 2.4)])


def test_a_pass_that_goes_on_finds_the_same_cuts(tmp_path):
    path = write_clip(tmp_path / "v.mp4", speaker_view(), options={"g": "5"})
    whole = list(video.frames(path, 0.0))
    assert [frame.index for frame in whole if frame.cut] == [12, 24]
    for stop in (3, 11, 12, 30):
        rest = list(video.frames(path, 0.0, after=Bookmark.at(whole[stop])))
        assert [(one.index, one.cut, one.shots) for one in rest] == [
            (one.index, one.cut, one.shots) for one in whole[stop + 1 :]
        ]


def test_a_moving_face_is_no_cut(tmp_path):
    path = write_clip(tmp_path / "v.mp4", [scene(left=9 * n - 100) for n in range(40)])
    assert not any(frame.cut for frame in video.frames(path, 0.0))
