"""Pictures that stand in FER2013 more than once, exactly or nearly, and what may be trained on because of them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from train.data import PRIVATE_TEST, PUBLIC_TEST, SIDE, TRAINING, FerData

NEAR_BITS = 8
"""Perceptual hashes that differ in more bits than this belong to different pictures."""
NEAR_CORRELATION = 0.95
"""Least correlation of the grey levels of two pictures that are nearly the same: another crop, size or compression."""
NEARLY_BLANK = 4.0
"""Standard deviation in grey levels under which a picture shows nothing."""

_BLOCK = 512


def picture_hashes(pixels: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Return one hash a picture, (N, H, W) uint8 -> (N,) of 32 digits; equal pictures get equal hashes."""
    return np.array([hashlib.blake2b(picture.tobytes(), digest_size=16).hexdigest() for picture in pixels])


def perceptual_hashes(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return one hash a picture, (N, H, W) uint8 -> (N,); alike pictures get hashes that differ in few bits.

    A bit says whether one of the 64 lowest frequencies lies above their median. Source: Zauner 2010, pHash.
    """
    low = dctn(pixels.astype(np.float32), axes=(1, 2), norm="ortho")[:, :8, :8].reshape(len(pixels), 64)
    bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)
    return np.ascontiguousarray(bits).view(np.uint64).ravel()


def has_twin(data: FerData, others: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return (N,) bool: the picture stands, pixel for pixel, also in one of the splits `others`."""
    hashes = picture_hashes(data.pixels)
    elsewhere = set(hashes[np.isin(data.split, others)].tolist())
    return np.array([value in elsewhere for value in hashes], bool)


def has_near_twin(data: FerData, split: str, others: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return (rows of `split`,) bool: the picture, or its mirror image, stands nearly also in one of `others`."""
    ours, theirs = data.of(split).pixels, data.where(np.isin(data.split, others)).pixels
    both = np.concatenate([ours, ours[:, :, ::-1]])
    their_hashes, their_grey = perceptual_hashes(theirs), _standardised(theirs)
    found = np.zeros(len(both), bool)
    for begin in range(0, len(both), _BLOCK):
        block = both[begin : begin + _BLOCK]
        distance = np.bitwise_count(perceptual_hashes(block)[:, None] ^ their_hashes[None])
        left, right = np.nonzero(distance <= NEAR_BITS)
        correlation = np.einsum("ij,ij->i", _standardised(block)[left], their_grey[right])
        found[begin + left[correlation >= NEAR_CORRELATION]] = True
    as_they_are, mirrored = np.split(found, 2)
    either: NDArray[np.bool_] = as_they_are | mirrored
    return either


def _standardised(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return rows (N, H*W) of mean 0 and length 1, so that a product of two is their correlation."""
    grey = pixels.reshape(len(pixels), SIDE * SIDE).astype(np.float32)
    grey -= grey.mean(axis=1, keepdims=True)
    scaled: NDArray[np.float32] = grey / np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-6)
    return scaled


def training_rows(data: FerData) -> tuple[FerData, dict[str, int]]:
    """Return what may be trained on, and a count of each reason for which rows were left out.

    Left out: pictures that are also, exactly, nearly or mirrored, in PublicTest or PrivateTest, repeats within
    Training, pictures that carry two labels, nearly blank ones, and what FER+ calls not a face.
    """
    train = data.of(TRAINING)
    hashes = picture_hashes(train.pixels).tolist()
    in_test = has_twin(data, (PUBLIC_TEST, PRIVATE_TEST))[data.split == TRAINING]
    near_test = has_near_twin(data, TRAINING, (PUBLIC_TEST, PRIVATE_TEST))
    labels_of: dict[str, set[int]] = {}
    for value, label in zip(hashes, train.labels.tolist(), strict=True):
        labels_of.setdefault(value, set()).add(label)
    keep = np.zeros(len(train.labels), bool)
    reasons = ("also_in_test", "nearly_in_test", "two_labels", "repeat", "nearly_blank", "not_a_face")
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
