"""Pictures that stand in FER2013 more than once, exactly or nearly, and what may be trained on because of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.config import Protocol
from train.data import PRIVATE_TEST, PUBLIC_TEST, SPLITS, TRAINING, FerData
from train.near_twins import find_near_twins

NEAR_TWINS = Path(__file__).with_name("near_twins.npz")
"""The near twins of FER2013's official splits, which `python -m train twins` wrote; other data are searched again."""
NEARLY_BLANK = 4.0
"""Standard deviation in grey levels under which a picture shows nothing."""

# The pairs of the data set that was searched last, by its hash: a training and its export ask for them several times.
_searched: dict[str, NDArray[np.intp]] = {}


def picture_hashes(pixels: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Return one hash a picture, (N, H, W) uint8 -> (N,) of 32 digits; equal pictures get equal hashes."""
    return np.array([hashlib.blake2b(picture.tobytes(), digest_size=16).hexdigest() for picture in pixels])


def has_twin(data: FerData, others: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return (N,) bool: the picture stands, pixel for pixel, also in one of the splits `others`."""
    hashes = picture_hashes(data.pixels)
    elsewhere = set(hashes[np.isin(data.split, others)].tolist())
    return np.array([value in elsewhere for value in hashes], bool)


def repeats(data: FerData) -> dict[str, int]:
    """Return how many pictures of each split are another one of that split again, pixel for pixel."""
    return {
        split: len(part.labels) - len(set(picture_hashes(part.pixels).tolist()))
        for split in SPLITS
        for part in [data.of(split)]
    }


def with_two_labels(data: FerData) -> dict[str, int]:
    """Return how many pictures of each split are in the data under another label, too, pixel for pixel."""
    hashes = picture_hashes(data.pixels).tolist()
    labels_of: dict[str, set[int]] = {}
    for value, label in zip(hashes, data.labels.tolist(), strict=True):
        labels_of.setdefault(value, set()).add(label)
    found = np.array([len(labels_of[value]) > 1 for value in hashes], bool)
    return {split: int(found[data.split == split].sum()) for split in SPLITS}


def has_near_twin(data: FerData, split: str, others: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return (rows of `split`,) bool: the picture's photograph stands also in one of `others`, in any crop."""
    pairs = near_pairs(data)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    found = np.zeros(len(data.split), bool)
    found[pairs[np.isin(data.split[pairs[:, 1]], others), 0]] = True
    ours: NDArray[np.bool_] = found[data.split == split]
    return ours


def near_pairs(data: FerData) -> NDArray[np.intp]:
    """Return the pairs (K, 2) of rows of `data` in two different splits that show one photograph."""
    with np.load(NEAR_TWINS) as known:
        if str(known["data_sha256"]) == data.sha256:
            pairs: NDArray[np.intp] = known["pairs"].astype(np.intp)
            return pairs
    if data.sha256 not in _searched:
        _searched.clear()
        _searched[data.sha256] = search_near_pairs(data)[0]
    return _searched[data.sha256]


def extended(data: FerData, joined: FerData) -> None:
    """Take over the pairs of `data` for `joined`, which has its rows first and behind them pictures of other people."""
    _searched[joined.sha256] = near_pairs(data)


def search_near_pairs(data: FerData) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the pairs of `near_pairs` and their correlations (K,); FER2013 takes four minutes on two cores."""
    train, public, private = (np.flatnonzero(data.split == split) for split in (TRAINING, PUBLIC_TEST, PRIVATE_TEST))
    pairs, correlations = [], []
    for ours, theirs in ((np.concatenate([public, private]), train), (public, private)):
        found, correlation = find_near_twins(data.pixels[ours], data.pixels[theirs])
        pairs.append(np.column_stack([ours[found[:, 0]], theirs[found[:, 1]]]))
        correlations.append(correlation)
    return np.concatenate(pairs), np.concatenate(correlations)


def training_rows(data: FerData, protocol: Protocol = "clean") -> tuple[FerData, dict[str, int]]:
    """Return what may be trained on, and a count of each reason for which rows were left out.

    "official" is all of Training, as papers train on it. "clean" leaves out: pictures whose photograph is also in
    PublicTest or PrivateTest, exactly or in another crop, repeats within Training, pictures that carry two labels,
    nearly blank ones, and what FER+ calls not a face.
    """
    train = data.of(TRAINING)
    if protocol == "official":
        return train, {}
    hashes = picture_hashes(train.pixels).tolist()
    in_test = has_twin(data, (PUBLIC_TEST, PRIVATE_TEST))[data.split == TRAINING]
    near_test = has_near_twin(data, TRAINING, (PUBLIC_TEST, PRIVATE_TEST))
    labels_of: dict[str, set[int]] = {}
    for value, label in zip(hashes, train.labels.tolist(), strict=True):
        labels_of.setdefault(value, set()).add(label)
    keep = np.zeros(len(train.labels), bool)
    reasons = ("also_in_test", "photograph_in_test", "two_labels", "repeat", "nearly_blank", "not_a_face")
    counts = dict.fromkeys(reasons, 0)
    blank = train.pixels.reshape(len(train.pixels), -1).std(axis=1) < NEARLY_BLANK
    seen: set[str] = set()
    for row, value in enumerate(hashes):
        no_face = train.not_a_face is not None and train.not_a_face[row]
        applies = (in_test[row], near_test[row], len(labels_of[value]) > 1, value in seen, blank[row], no_face)
        reason = next((name for name, holds in zip(reasons, applies, strict=True) if holds), None)
        if reason is None:
            keep[row] = True
        else:
            counts[reason] += 1
        seen.add(value)
    return train.where(keep), counts
