"""Pictures that stand in two splits are found, exactly or nearly, and never trained on."""

import numpy as np
from PIL import Image, ImageFilter

from train.data import PRIVATE_TEST, PUBLIC_TEST, TRAINING, FerData
from train.duplicates import has_near_twin, has_twin, perceptual_hashes, training_rows

RNG = np.random.default_rng(3)


def picture():
    """A smooth random picture: such as have a few low frequencies, like faces."""
    coarse = Image.fromarray(RNG.integers(0, 256, (6, 6), np.uint8))
    return np.asarray(coarse.resize((48, 48), Image.Resampling.BICUBIC))


def compressed(one):
    """The same picture, blurred a little, and darker."""
    blurred = Image.fromarray(one).filter(ImageFilter.GaussianBlur(0.7))
    return (np.asarray(blurred) * 0.9).astype(np.uint8)


def data_of(*rows):
    return FerData(
        np.stack([row[0] for row in rows]), np.array([row[1] for row in rows], np.uint8), np.array([r[2] for r in rows])
    )


def test_near_twins_have_near_hashes_and_others_far_ones():
    one, other = picture(), picture()
    mine, same, far = perceptual_hashes(np.stack([one, compressed(one), other]))
    assert np.bitwise_count(mine ^ same) <= 8
    assert np.bitwise_count(mine ^ far) > 12


def test_near_twins_are_found_across_splits_alone():
    one, two = picture(), picture()
    data = data_of(
        (one, 0, PRIVATE_TEST),
        (two, 1, PRIVATE_TEST),
        (compressed(one), 0, TRAINING),
        (compressed(two), 1, PRIVATE_TEST),
    )
    assert has_near_twin(data, PRIVATE_TEST, (TRAINING,)).tolist() == [True, False, False]
    assert not has_twin(data, (TRAINING,))[data.split == PRIVATE_TEST].any()
    assert has_near_twin(data, PRIVATE_TEST, (PUBLIC_TEST,)).tolist() == [False] * 3


def test_a_mirror_image_is_a_near_twin():
    one, other = picture(), picture()
    data = data_of((one, 0, PRIVATE_TEST), (compressed(one)[:, ::-1], 0, TRAINING), (other[::-1], 0, TRAINING))
    assert has_near_twin(data, TRAINING, (PRIVATE_TEST,)).tolist() == [True, False]


def test_nothing_is_trained_on_that_is_also_tested():
    shared, near, twice, argued, own = (picture() for _ in range(5))
    data = data_of(
        (shared, 3, TRAINING),
        (shared, 3, PRIVATE_TEST),
        (compressed(near), 3, TRAINING),
        (near, 3, PUBLIC_TEST),
        (twice, 1, TRAINING),
        (twice, 1, TRAINING),
        (argued, 2, TRAINING),
        (argued, 4, TRAINING),
        (own, 5, TRAINING),
        (np.full((48, 48), 9, np.uint8), 5, TRAINING),
        (picture(), 6, PUBLIC_TEST),
    )
    kept, left_out = training_rows(data)
    assert kept.labels.tolist() == [1, 5]
    assert left_out == {
        "also_in_test": 1,
        "nearly_in_test": 1,
        "two_labels": 2,
        "repeat": 1,
        "nearly_blank": 1,
        "not_a_face": 0,
    }
