"""Measure a classifier on a split: in full, without its duplicates, against FER+, by strata, and under stress."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fer_core.emotions import EMOTION_LABELS
from train.compare import grouped_intervals, mcnemar
from train.data import SPLITS, FerData
from train.duplicates import has_near_twin, has_twin
from train.folders import FolderSet
from train.metrics import given, measure, reliability, risk_coverage, selective

Crops = NDArray[np.uint8]


class Labeller(Protocol):
    """Whatever gives probabilities (N, 7) for crops (N, 48, 48) uint8 grey."""

    def probabilities(self, crops: Crops) -> NDArray[np.float32]:
        """Return the probabilities."""


def evaluate(classifier: Labeller, data: FerData, split: str, uncertain_below: float) -> dict[str, Any]:
    """Return all metrics of one split; `data` holds all splits, so that duplicates across them are known.

    `without_duplicates` leaves out every picture that also stands, pixel for pixel, in another split;
    `without_near_duplicates` those as well whose photograph stands there mirrored, or in another crop, size or light.
    """
    part = data.needed(split)
    others = tuple(other for other in SPLITS if other != split)
    twin = has_twin(data, others)[data.split == split]
    near = twin | has_near_twin(data, split, others)
    found = classifier.probabilities(part.pixels)
    result = {
        "split": split,
        "full": _measure_all(found, part.labels, uncertain_below),
        "without_duplicates": _measure_all(found[~twin], part.labels[~twin], uncertain_below),
        "duplicates": int(twin.sum()),
        "without_near_duplicates": _measure_all(found[~near], part.labels[~near], uncertain_below),
        "near_duplicates": int(near.sum()),
        "strata": _strata(found, part),
    }
    if part.votes is not None:
        clear = _clear_majority(part)
        result["ferplus_majority"] = measure(found[clear], part.votes[clear].argmax(axis=1).astype(np.uint8))
    return result


def evaluate_folder(
    classifier: Labeller, found: FolderSet, uncertain_below: float, other: Labeller | None = None
) -> dict[str, Any]:
    """Return the metrics of a set of folders, with intervals over its people, and the test against another model."""
    probabilities = classifier.probabilities(found.crops)
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    classes = np.unique(found.labels)
    among = np.full(probabilities.shape[1], -np.inf)
    among[classes] = 0
    right = predicted == found.labels
    result = {
        "full": measure(probabilities, found.labels),
        "by_people": grouped_intervals(predicted, found.labels, found.groups),
        "classes": [EMOTION_LABELS[number] for number in classes],
        "accuracy_among_these_classes": float(((probabilities + among).argmax(axis=1) == found.labels).mean()),
        "calibration": reliability(probabilities, found.labels),
        "selective": selective(probabilities, found.labels, uncertain_below),
        "left_out": list(found.left_out),
    }
    if other is not None:
        theirs = other.probabilities(found.crops).argmax(axis=1) == found.labels
        result["against"] = mcnemar(right, theirs) | {"accuracy": float(theirs.mean())}
    return result


def robustness(classifier: Labeller, data: FerData) -> dict[str, dict[str, float]]:
    """Return accuracy and macro F1 on `data` after each disturbance of `DISTURBANCES`."""
    out = {}
    for name, disturb in DISTURBANCES.items():
        crops = np.stack([disturb(picture) for picture in data.pixels])
        found = measure(classifier.probabilities(crops), data.labels)
        out[name] = {"accuracy": found["accuracy"], "macro_f1": found["macro_f1"]}
    return out


def _measure_all(found: NDArray[np.float32], labels: NDArray[np.uint8], uncertain_below: float) -> dict[str, Any]:
    return measure(found, labels) | {
        "calibration": reliability(found, labels),
        "risk_coverage": risk_coverage(found, labels),
        "selective": selective(found, labels, uncertain_below),
        "given": given(found, labels, uncertain_below),
    }


def _clear_majority(data: FerData) -> NDArray[np.bool_]:
    """FER+ rows in which one of the seven classes has more than half of the votes."""
    if data.votes is None or data.not_a_face is None:
        raise ValueError("the data has no FER+ votes")
    clear: NDArray[np.bool_] = (np.nan_to_num(data.votes).max(axis=1) > 0.5) & ~data.not_a_face
    return clear


def _strata(found: NDArray[np.float32], data: FerData) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracy by thirds of brightness, contrast and sharpness (variance of the Laplacian)."""
    grey = data.pixels.astype(np.float32)
    inner = grey[:, 1:-1, 1:-1]
    laplacian = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * inner
    measures = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": grey.std(axis=(1, 2)),
        "sharpness": laplacian.var(axis=(1, 2)),
    }
    right = found.argmax(axis=1) == data.labels
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name, values in measures.items():
        low, high = np.quantile(values, [1 / 3, 2 / 3])
        thirds = {"lowest": values < low, "middle": (values >= low) & (values < high), "highest": values >= high}
        out[name] = {
            third: {"accuracy": float(right[rows].mean()), "pictures": int(rows.sum())}
            for third, rows in thirds.items()
            if rows.any()
        }
    return out


def _blur(radius: float) -> Callable[[Crops], Crops]:
    return lambda picture: np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def _darken(share: float) -> Callable[[Crops], Crops]:
    return lambda picture: (picture * share).astype(np.uint8)


def _jpeg(quality: int) -> Callable[[Crops], Crops]:
    def disturb(picture: Crops) -> Crops:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
        return np.asarray(Image.open(buffer))

    return disturb


def _rotate(degrees: float) -> Callable[[Crops], Crops]:
    def disturb(picture: Crops) -> Crops:
        padded = Image.fromarray(np.pad(picture, 24, mode="edge"))
        return np.asarray(padded.rotate(degrees, Image.Resampling.BILINEAR).crop((24, 24, 72, 72)))

    return disturb


def _cover(top: int, bottom: int) -> Callable[[Crops], Crops]:
    def disturb(picture: Crops) -> Crops:
        covered = picture.copy()
        covered[top:bottom] = 128
        return covered

    return disturb


def _shrink(side: int) -> Callable[[Crops], Crops]:
    def disturb(picture: Crops) -> Crops:
        image = Image.fromarray(picture)
        small = image.resize((side, side), Image.Resampling.BOX)
        return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR))

    return disturb


DISTURBANCES: dict[str, Callable[[Crops], Crops]] = {
    "blur, sigma 1 px": _blur(1),
    "blur, sigma 2 px": _blur(2),
    "40 % of the light": _darken(0.4),
    "15 % of the light": _darken(0.15),
    "JPEG quality 20": _jpeg(20),
    "JPEG quality 5": _jpeg(5),
    "turned by 15 degrees": _rotate(15),
    "turned by 30 degrees": _rotate(30),
    "mouth covered": _cover(30, 46),
    "eyes covered": _cover(12, 24),
    "shrunk to 24 px": _shrink(24),
    "shrunk to 16 px": _shrink(16),
}
