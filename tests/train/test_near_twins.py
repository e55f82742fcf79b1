"""The same photograph is found in another crop, size, light, compression or mirrored, and a stranger is not."""

import io

import numpy as np
import pytest
from PIL import Image

from train.near_twins import find_near_twins

RNG = np.random.default_rng(11)


def photograph():
    """A photograph of 96 px with a face's mix of coarse and finer detail."""
    layers = [RNG.normal(size=(side, side)) * side**-0.5 for side in (4, 8, 16)]
    large = [np.asarray(Image.fromarray(layer.astype(np.float32)).resize((96, 96), Image.BICUBIC)) for layer in layers]
    grey = sum(large)
    return np.clip(128 + 90 * grey / np.abs(grey).max(), 0, 255).astype(np.uint8)


def crop(photo, side=64, right=0, down=0):
    """A square of `side` px about the photograph's middle, moved by so many of its own px, at 48 px."""
    left, top = (96 - side) // 2 + right, (96 - side) // 2 + down
    return np.asarray(Image.fromarray(photo[top : top + side, left : left + side]).resize((48, 48), Image.BICUBIC))


def jpeg(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=30)
    return np.asarray(Image.open(buffer))


VARIANTS = {
    "equal": lambda photo: crop(photo),
    "mirrored": lambda photo: crop(photo)[:, ::-1],
    "moved by 5 px": lambda photo: crop(photo, right=7, down=-6),
    "larger": lambda photo: crop(photo, side=54),
    "smaller": lambda photo: crop(photo, side=78),
    "darker, compressed": lambda photo: jpeg((crop(photo) * 0.5).astype(np.uint8)),
    "smaller, moved, mirrored": lambda photo: crop(photo, side=74, right=4, down=4)[:, ::-1],
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_photograph_is_found(name):
    photos = [photograph() for _ in range(4)]
    ours = np.stack([crop(photo) for photo in photos])
    theirs = np.stack([*(crop(photograph()) for _ in range(5)), VARIANTS[name](photos[2])])
    pairs, correlations = find_near_twins(ours, theirs)
    assert pairs.tolist() == [[2, 5]]
    assert 0.9 <= correlations[0] <= 1.001


def test_strangers_and_blank_pictures_are_no_twins():
    ours = np.stack([crop(photograph()) for _ in range(30)] + [np.full((48, 48), 90, np.uint8)])
    theirs = np.stack([crop(photograph()) for _ in range(30)] + [np.full((48, 48), 91, np.uint8)])
    pairs, correlations = find_near_twins(ours, theirs)
    assert pairs.shape == (0, 2)
    assert correlations.shape == (0,)


def test_a_crop_that_moved_too_far_is_not_looked_for():
    photo = photograph()
    pairs, _ = find_near_twins(crop(photo)[None], crop(photo, right=16)[None])
    assert len(pairs) == 0


def test_empty_sides_give_no_pairs():
    pairs, _ = find_near_twins(np.empty((0, 48, 48), np.uint8), crop(photograph())[None])
    assert pairs.shape == (0, 2)
    pairs, _ = find_near_twins(crop(photograph())[None], np.empty((0, 48, 48), np.uint8))
    assert pairs.shape == (0, 2)
