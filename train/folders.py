"""Pictures in folders of any layout as a test set: labels from the names of folders and files, people for intervals."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from fer_core.faces.preprocess import crop_faces, to_grey48
from fer_core.names import shown
from fer_core.types import Face
from train.data import CLASS_NAMES, read_picture

Detect = Callable[[NDArray[np.uint8]], list[Face]]
"""Finds the faces of a picture (H, W, 3) uint8 RGB."""

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".gif"}
_GENERAL = {"train", "training", "test", "testing", "val", "valid", "validation", "images", "faces", "data"}


@dataclass(frozen=True)
class FolderSet:
    """Faces (N, 48, 48) uint8 grey with labels (N,) uint8, who or which sequence each shows (N,), and its file.

    `left_out`: a sentence for each file that was not taken.
    """

    crops: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    groups: NDArray[np.str_]
    files: tuple[str, ...]
    left_out: tuple[str, ...]


def read_folder(root: Path, detect: Detect | None = None, people: str | None = None) -> FolderSet:
    """Read every picture under `root`.

    A picture's label is the class that the nearest folder names, or else its own name: "03_happiness", "Angry faces".
    `detect`: how the largest face of each picture is found; None where the pictures are crops of faces already.
    `people`: a regular expression on the path under `root` whose first group names the person or the sequence; without
    it, that is the deepest folder that names neither a class nor a split, or else what stands in the file's name before
    its first ``_``, ``-`` or ``.``, if that has a letter; or else each picture is on its own.

    Raises FerError where the folder is missing, the expression is none, or no picture has a label.
    """
    if not root.is_dir():
        raise FerError(f"There is no folder {root}.", "no_data")
    pattern = _compiled(people)
    crops, labels, groups, files, left_out = [], [], [], [], []
    for file in sorted(path for path in root.rglob("*") if path.suffix.lower() in _PICTURES and path.is_file()):
        name = Path(shown(file.relative_to(root)))
        try:
            label, crop = label_of(name), _crop(file, detect)
        except ValueError as fault:
            left_out.append(f"{name}: {fault}")
            continue
        crops.append(crop)
        labels.append(label)
        groups.append(group_of(name, pattern))
        files.append(str(name))
    if not files:
        raise FerError(f"{root} holds no pictures with labels. {left_out[0] if left_out else ''}".strip(), "no_data")
    return FolderSet(np.stack(crops), np.array(labels, np.uint8), np.array(groups), tuple(files), tuple(left_out))


def label_of(name: Path) -> int:
    """Return the class that a path under the root names. Raises ValueError where it names none, or several at once."""
    for part in [*reversed(name.parts[:-1]), name.stem]:
        found = _classes_in(part)
        if len(found) > 1:
            raise ValueError(f"{part!r} names several classes")
        if found:
            return EMOTION_LABELS.index(found.pop())
    raise ValueError("its path names none of the seven classes")


def group_of(name: Path, people: re.Pattern[str] | None) -> str:
    """Return the person or sequence that a path under the root belongs to."""
    if people is not None:
        found = people.search(name.as_posix())
        return found.group(1) if found else name.as_posix()
    for part in reversed(name.parts[:-1]):
        if not _classes_in(part) and part.lower() not in _GENERAL:
            return part
    begin = re.split(r"[_.\-]", name.stem)[0]
    named = begin != name.stem and re.search("[A-Za-z]", begin) and not _classes_in(begin)
    return begin if named else name.as_posix()


def _classes_in(part: str) -> set[str]:
    words = re.findall("[a-z]+", part.lower())
    return {CLASS_NAMES[word] for word in words if word in CLASS_NAMES}


def _compiled(people: str | None) -> re.Pattern[str] | None:
    try:
        pattern = re.compile(people) if people else None
    except re.error as fault:
        raise FerError(f"{people!r} is not a regular expression: {fault}.", "no_data") from None
    if pattern is not None and not pattern.groups:
        raise FerError(f"{people!r} has no group in brackets that would name the person.", "no_data")
    return pattern


def _crop(file: Path, detect: Detect | None) -> NDArray[np.uint8]:
    rgb = np.array(ImageOps.exif_transpose(read_picture(file, "RGB")))
    if detect is None:
        whole: NDArray[np.uint8] = to_grey48(np.array(Image.fromarray(rgb).convert("L"))[None])[0]
        return whole
    faces = detect(rgb)
    if not faces:
        raise ValueError("no face was found in it")
    largest = max(faces, key=lambda face: face.box.width * face.box.height)
    crop: NDArray[np.uint8] = crop_faces(rgb, [largest.box])[0]
    return crop
