"""Pictures that stand in two splits are found, exactly or nearly, and never trained on."""

import numpy as np
from PIL import Image, ImageFilter

import train.duplicates
from train.data import PRIVATE_TEST, PUBLIC_TEST, TRAINING, FerData
from train.duplicates import has_near_twin, has_twin, near_pairs, training_rows

RNG = np.random.default_rng(3)


def picture():
    """A random picture of low and middle frequencies, like a face."""
    coarse = Image.fromarray(RNG.integers(0, 256, (12, 12), np.uint8))
    return np.asarray(coarse.resize((48, 48), Image.Resampling.BICUBIC))


def another_crop(one):
    """The same photograph, cut a little closer, moved by 3 px, and darker."""
    return np.asarray(Image.fromarray((one * 0.8).astype(np.uint8)).crop((5, 2, 47, 44)).resize((48, 48)))


def compressed(one):
    """The same picture, blurred a little, and darker."""
    blurred = Image.fromarray(one).filter(ImageFilter.GaussianBlur(0.7))
    return (np.asarray(blurred) * 0.9).astype(np.uint8)


def data_of(*rows):
    return FerData(
        np.stack([row[0] for row in rows]), np.array([row[1] for row in rows], np.uint8), np.array([r[2] for r in rows])
    )


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
        "photograph_in_test": 1,
        "two_labels": 2,
        "repeat": 1,
        "nearly_blank": 1,
        "not_a_face": 0,
    }


def test_another_crop_of_a_test_picture_is_not_trained_on_but_for_the_official_protocol():
    tested, own = picture(), picture()
    data = data_of((tested, 3, PRIVATE_TEST), (another_crop(tested), 3, TRAINING), (own, 5, TRAINING))
    kept, left_out = training_rows(data)
    assert kept.labels.tolist() == [5]
    assert left_out["photograph_in_test"] == 1
    kept, left_out = training_rows(data, "official")
    assert kept.labels.tolist() == [3, 5]
    assert left_out == {}


def test_pairs_that_were_searched_before_are_taken_only_for_the_same_data(tmp_path, monkeypatch):
    data = data_of((picture(), 0, PRIVATE_TEST), (picture(), 0, TRAINING))
    known = tmp_path / "known.npz"
    monkeypatch.setattr(train.duplicates, "NEAR_TWINS", known)
    np.savez(known, data_sha256=data.sha256, pairs=np.array([[0, 1]], np.int32))
    assert near_pairs(data).tolist() == [[0, 1]]
    np.savez(known, data_sha256="0" * 64, pairs=np.array([[0, 1]], np.int32))
    assert near_pairs(data).tolist() == []
