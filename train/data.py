"""Read FER2013 in the layouts that users have, and keep the splits honest.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning"; votes: Barsoum et al. 2016 (FER+).
"""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.errors import FerError
from fer_core.names import shown

SIDE = 48
MOST_PICTURES, MOST_LINE = 1_000_000, 1 << 20
"""Pictures of a data set, and characters of a line of a CSV: what is larger would fill the computer's memory."""
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
_SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "fearful": "fear",
    "afraid": "fear",
}
_VALIDATION = ("val", "valid", "validation")
CLASS_NAMES = {label: label for label in EMOTION_LABELS} | _SYNONYMS
"""The classes by the names that data sets give them, in small letters."""


@dataclass(frozen=True)
class FerData:
    """Faces with their labels and official splits.

    `pixels` (N, 48, 48) uint8 grey; `labels` (N,) uint8 in `Emotion` order; `split` (N,) of `SPLITS`;
    `votes` (N, 7) float32 shares of the FER+ votes (rows sum to 1, or NaN without votes), None without FER+;
    `not_a_face` (N,) bool from FER+, all False without; `bad_files` a sentence for each picture that was left out;
    `notes` sentences on how the splits came about, where no column names them.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    split: NDArray[np.str_]
    votes: NDArray[np.float32] | None = None
    not_a_face: NDArray[np.bool_] | None = None
    bad_files: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()

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

    def needed(self, split: str) -> FerData:
        """Return the rows of one split. Raises FerError where there are none."""
        if not (self.split == split).any():
            raise FerError(f"The data set has no {split} rows, which are needed here.", "no_data")
        return self.of(split)

    @property
    def sha256(self) -> str:
        """A hash of pixels, labels and splits, in 64 hexadecimal digits."""
        digest = hashlib.sha256(np.ascontiguousarray(self.pixels).tobytes())
        digest.update(self.labels.tobytes())
        digest.update("\n".join(self.split.tolist()).encode())
        return digest.hexdigest()


def load(path: Path, ferplus: Path | None = None) -> FerData:
    """Read a data set: a Kaggle CSV, or a folder with one folder a class.

    Folders are ``train/CLASS`` and ``test/CLASS``: test counts as PrivateTest, and PublicTest is ``val/CLASS`` (or
    valid, validation) where that is there, otherwise a tenth of train. ``images/train/CLASS`` and
    ``images/validation/CLASS`` are read as train and test. `notes` says which it was, and which folders are not read.
    `ferplus` is ``fer2013new.csv``, whose rows follow the CSV's order.

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
    for number, row in _csv_rows(path, ("emotion", "usage", "pixels"), "FER2013's CSV"):
        try:
            picture, label, usage = _picture(row["pixels"]), _label(row["emotion"]), _usage(row["usage"])
        except ValueError as fault:
            bad.append(f"{path.name}, line {number}: {fault}")
            continue
        pixels.append(picture)
        labels.append(label)
        split.append(usage)
    if not pixels:
        raise FerError(f"{path.name} holds no pictures. {bad[0] if bad else ''}".strip(), "no_data")
    return FerData(np.stack(pixels), np.array(labels, np.uint8), np.array(split), bad_files=tuple(bad))


def _csv_rows(path: Path, columns: tuple[str, ...], what: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's line and its cells by the columns' names, in small letters; cells that are missing are empty.

    Raises FerError where the file is no text, no CSV or lacks one of `columns`.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(_lines(file))
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise FerError(f"{path.name} is not {what}: it lacks the column {missing[0]}.", "no_data")
            for count, row in enumerate(reader):
                if count == MOST_PICTURES:
                    raise FerError(f"{path.name} has more than {MOST_PICTURES:,} rows.", "no_data")
                if row:
                    yield reader.line_num, dict(zip(header, row + [""] * (len(header) - len(row)), strict=False))
    except FileNotFoundError:
        raise FerError(f"There is no file {path}.", "no_data") from None
    except UnicodeDecodeError:
        raise FerError(f"{path.name} is not {what}: it is not text.", "no_data") from None
    except (csv.Error, OSError) as fault:
        raise FerError(f"{path.name} can't be read: {fault}.", "no_data") from None


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a CSV, each of them a row. Raises csv.Error for one that would fill the memory."""
    while line := file.readline(MOST_LINE):
        if len(line) == MOST_LINE and not line.endswith("\n"):
            raise csv.Error("a line is too long")
        # A row of many lines would have no bound, and none of these sets needs one.
        if line.count('"') % 2:
            raise csv.Error("a cell in quotes goes on in the next line")
        yield line


def _picture(text: str) -> NDArray[np.uint8]:
    """Return the picture (48, 48) of a CSV's cell. Raises ValueError with what is wrong with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            values = np.fromstring(text, dtype=np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        raise ValueError("the pixels are not all whole numbers") from None
    if values.size != SIDE * SIDE:
        raise ValueError(f"{values.size} pixels in place of {SIDE * SIDE}")
    if values.min() < 0 or values.max() > 255:
        wrong = values[(values < 0) | (values > 255)][0]
        raise ValueError(f"a pixel of {wrong}; grey levels lie between 0 and 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _label(text: str) -> int:
    if text.strip() not in {str(emotion.value) for emotion in Emotion}:
        raise ValueError(f"the label {text.strip()[:20]!r} is none of 0 to {len(Emotion) - 1}")
    return int(text)


def _usage(text: str) -> str:
    if text.strip() not in SPLITS:
        raise ValueError(f"the usage {text.strip()[:20]!r} is none of {', '.join(SPLITS)}")
    return text.strip()


def _split_folders(root: Path) -> dict[str, str]:
    """Return the folders of a data set with the split that each is. Raises FerError where there are none."""
    for train, test in (("train", "test"), ("images/train", "images/validation")):
        if (root / train).is_dir() and (root / test).is_dir():
            chosen = next((name for name in _VALIDATION if train == "train" and (root / name).is_dir()), None)
            return {train: TRAINING} | ({chosen: PUBLIC_TEST} if chosen else {}) | {test: PRIVATE_TEST}
    raise FerError(f"{root.name} holds neither train/ and test/ nor images/train and images/validation.", "no_data")


def _notes(root: Path, folders: dict[str, str], put_aside: int) -> tuple[str, ...]:
    """Return in sentences where PublicTest is from, and what lies beside the folders that are read."""
    train = next(iter(folders))
    public = next((name for name, split in folders.items() if split == PUBLIC_TEST), None)
    said = [
        f"PublicTest is the folder {public}."
        if public is not None
        else f"PublicTest is made of {put_aside:,} pictures of {train}, about a tenth, which are not trained on: there"
        " is no folder val."
    ]
    beside = (root / train).parent
    others = sorted(p.name for p in beside.iterdir() if p.is_dir() and p not in [root / name for name in folders])
    return (*said, *(f"The folder {shown(name)} is not read." for name in others))


def _load_folders(root: Path) -> FerData:
    folders = _split_folders(root)
    aside = PUBLIC_TEST not in folders.values()
    pixels: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    split: list[str] = []
    bad: list[str] = []
    for folder, usage in folders.items():
        for class_folder in sorted(p for p in (root / folder).iterdir() if p.is_dir()):
            name = CLASS_NAMES.get(class_folder.name.lower())
            if name is None:
                where = shown(class_folder.relative_to(root))
                raise FerError(f"The folder {where} is none of the seven classes. Please move it away.", "no_data")
            for file in sorted(p for p in class_folder.iterdir() if p.is_file()):
                if len(pixels) + len(bad) == MOST_PICTURES:
                    raise FerError(f"{root.name} holds more than {MOST_PICTURES:,} pictures.", "no_data")
                named = shown(file.relative_to(root))
                if not file.resolve().is_relative_to(root.resolve()):
                    bad.append(f"{named}: it is a link out of the data set, which is not followed")
                    continue
                try:
                    pixels.append(np.asarray(read_picture(file, "L").resize((SIDE, SIDE))))
                except ValueError as fault:
                    bad.append(f"{named}: {fault}")
                    continue
                labels.append(EMOTION_LABELS.index(name))
                # Every tenth training picture by its own hash: the same on every machine, in any order of files.
                tenth = aside and usage == TRAINING and hashlib.sha256(pixels[-1].tobytes()).digest()[0] % 10 == 0
                split.append(PUBLIC_TEST if tenth else usage)
    if not pixels:
        raise FerError(f"{root} holds no pictures.", "no_data")
    notes = _notes(root, folders, split.count(PUBLIC_TEST))
    return FerData(np.stack(pixels), np.array(labels, np.uint8), np.array(split), bad_files=tuple(bad), notes=notes)


def read_picture(file: Path, mode: str) -> Image.Image:
    """Return a picture in Pillow's mode "L" or "RGB". Raises ValueError with what is wrong with it."""
    try:
        with Image.open(file) as image:
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"its grey levels have more than eight bits (mode {image.mode})")
            return image.convert(mode)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("it can't be read as a picture") from None


def _with_votes(data: FerData, ferplus: Path) -> FerData:
    columns = (*_FERPLUS_COLUMNS, "nf")
    rows = list(_csv_rows(ferplus, columns, "the FER+ votes"))
    if len(rows) != len(data.labels):
        raise FerError(f"{ferplus.name} has {len(rows)} rows, the data set {len(data.labels)}.", "no_data")
    counts = np.array([_votes(ferplus, number, row, columns) for number, row in rows], np.float32)
    votes = np.zeros((len(rows), len(Emotion)), np.float32)
    votes[:, list(_FERPLUS_COLUMNS.values())] = counts[:, :-1]
    total = votes.sum(axis=1, keepdims=True)
    shares = np.divide(votes, total, out=np.full_like(votes, np.nan), where=total > 0)
    return replace(data, votes=shares, not_a_face=counts[:, -1] > 5)


def _votes(ferplus: Path, number: int, row: dict[str, str], columns: tuple[str, ...]) -> list[float]:
    for column in columns:
        if not row[column].strip().isdecimal():
            text = row[column].strip()[:20]
            raise FerError(
                f"{ferplus.name}, line {number}: {column} has {text!r} in place of a count of votes.", "no_data"
            )
    return [float(row[column]) for column in columns]
