"""Read FER2013 in the layouts that users have, and keep the splits honest.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning"; votes: Barsoum et al. 2016 (FER+).
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.errors import FerError

SIDE = 48
TRAINING, PUBLIC_TEST, PRIVATE_TEST = "Training", "PublicTest", "PrivateTest"
SPLITS = (TRAINING, PUBLIC_TEST, PRIVATE_TEST)
_FERPLUS_COLUMNS = {
    "anger": Emotion.ANGRY,
    "disgust": Emotion.DISGUST,
    "fear": Emotion.FEAR,
    "happiness": Emotion.HAPPY,
    "sadness": Emotion.SAD,
    "surprise": Emotion.SURPRISE,
    "neutral": Emotion.NEUTRAL,
}
_FOLDER_SYNONYMS = {
    "anger": "angry",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "fearful": "fear",
}


@dataclass(frozen=True)
class FerData:
    """Faces with their labels and official splits.

    `pixels` (N, 48, 48) uint8 grey; `labels` (N,) uint8 in `Emotion` order; `split` (N,) of `SPLITS`;
    `votes` (N, 7) float32 shares of the FER+ votes (rows sum to 1, or NaN without votes), None without FER+;
    `not_a_face` (N,) bool from FER+, all False without; `bad_files` those that could not be read.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    split: NDArray[np.str_]
    votes: NDArray[np.float32] | None = None
    not_a_face: NDArray[np.bool_] | None = None
    bad_files: tuple[str, ...] = field(default=())

    def of(self, split: str) -> FerData:
        """Return the rows of one split, in their order."""
        return self.where(self.split == split)

    def where(self, mask: NDArray[np.bool_]) -> FerData:
        """Return the rows where `mask` (N,) is True, in their order."""
        return replace(
            self,
            pixels=self.pixels[mask],
            labels=self.labels[mask],
            split=self.split[mask],
            votes=None if self.votes is None else self.votes[mask],
            not_a_face=None if self.not_a_face is None else self.not_a_face[mask],
        )

    @property
    def sha256(self) -> str:
        """A hash of pixels, labels and splits, in 64 hexadecimal digits."""
        digest = hashlib.sha256(np.ascontiguousarray(self.pixels).tobytes())
        digest.update(self.labels.tobytes())
        digest.update("\n".join(self.split.tolist()).encode())
        return digest.hexdigest()


def load(path: Path, ferplus: Path | None = None) -> FerData:
    """Read a data set: a Kaggle CSV, or a folder with one folder a class.

    Folders are ``train/CLASS`` and ``test/CLASS`` (test counts as PrivateTest, and a tenth of train is put aside as
    PublicTest), or ``images/train/CLASS`` and ``images/validation/CLASS`` alike. `ferplus` is ``fer2013new.csv``,
    whose rows follow the CSV's order.

    Raises FerError where the path holds no such data set.
    """
    if path.is_dir():
        if ferplus is not None:
            raise FerError("FER+ votes follow the row order of fer2013.csv; a folder of pictures has no such order.")
        return _load_folders(path)
    if not path.is_file():
        raise FerError(f"There is no data set at {path}.", "no_data")
    data = _load_csv(path)
    return data if ferplus is None else _with_votes(data, ferplus)


def _load_csv(path: Path) -> FerData:
    pixels, labels, split, bad = [], [], [], []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
        if not {"emotion", "usage", "pixels"} <= columns.keys():
            raise FerError(
                f"{path.name} is not FER2013's CSV: it needs the columns emotion, Usage and pixels.", "no_data"
            )
        for number, row in enumerate(reader, start=2):
            picture = np.fromstring(row[columns["pixels"]], dtype=np.uint8, sep=" ")
            usage = row[columns["usage"]].strip()
            if picture.size != SIDE * SIDE or usage not in SPLITS:
                bad.append(f"{path.name}, line {number}")
                continue
            pixels.append(picture)
            labels.append(int(row[columns["emotion"]]))
            split.append(usage)
    if not pixels:
        raise FerError(f"{path.name} holds no pictures.", "no_data")
    stack = np.stack(pixels).reshape(-1, SIDE, SIDE)
    return FerData(stack, np.array(labels, np.uint8), np.array(split), bad_files=tuple(bad))


def _load_folders(root: Path) -> FerData:
    for train, test in (("train", "test"), ("images/train", "images/validation")):
        if (root / train).is_dir() and (root / test).is_dir():
            break
    else:
        raise FerError(f"{root} holds neither train/ and test/ nor images/train and images/validation.", "no_data")
    pixels, labels, split, bad = [], [], [], []
    for folder, usage in ((root / train, TRAINING), (root / test, PRIVATE_TEST)):
        for class_folder in sorted(p for p in folder.iterdir() if p.is_dir()):
            name = _FOLDER_SYNONYMS.get(class_folder.name.lower(), class_folder.name.lower())
            if name not in EMOTION_LABELS:
                raise FerError(f"The folder {class_folder.name} is none of the seven classes.", "no_data")
            for file in sorted(p for p in class_folder.iterdir() if p.is_file()):
                try:
                    with Image.open(file) as image:
                        pixels.append(np.asarray(image.convert("L").resize((SIDE, SIDE))))
                except (UnidentifiedImageError, OSError):
                    bad.append(str(file.relative_to(root)))
                    continue
                labels.append(EMOTION_LABELS.index(name))
                # Every tenth training picture by its own hash: the same on every machine, in any order of files.
                tenth = usage == TRAINING and hashlib.sha256(pixels[-1].tobytes()).digest()[0] % 10 == 0
                split.append(PUBLIC_TEST if tenth else usage)
    if not pixels:
        raise FerError(f"{root} holds no pictures.", "no_data")
    return FerData(np.stack(pixels), np.array(labels, np.uint8), np.array(split), bad_files=tuple(bad))


def _with_votes(data: FerData, ferplus: Path) -> FerData:
    with ferplus.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if len(rows) != len(data.labels):
        raise FerError(f"{ferplus.name} has {len(rows)} rows, the data set {len(data.labels)}.", "no_data")
    votes = np.zeros((len(rows), len(Emotion)), np.float32)
    for column, emotion in _FERPLUS_COLUMNS.items():
        votes[:, emotion] = [float(row[column]) for row in rows]
    not_a_face = np.array([int(row["NF"]) for row in rows]) > 5
    total = votes.sum(axis=1, keepdims=True)
    shares = np.divide(votes, total, out=np.full_like(votes, np.nan), where=total > 0)
    return replace(data, votes=shares, not_a_face=not_a_face)
