"""Own people's pictures as the clinic's worker hands them over: through a pipe, and never in an open file."""

from __future__ import annotations

import io
import os
import sys
import zipfile

import numpy as np

from train.background import PARENT_GONE
from train.data import SIDE
from train.folders import FolderSet


def handed_over(descriptor: int) -> FolderSet:
    """Read eight bytes of length and an NPZ of so many from a pipe, and leave what comes after: crops, labels, people.

    Ends this process where the pipe ends before, as its parent is gone. Raises ValueError for anything else.
    """
    length = int.from_bytes(_exactly(descriptor, 8), "big")
    try:
        with np.load(io.BytesIO(_exactly(descriptor, length)), allow_pickle=False) as found:
            crops, labels, people = found["crops"], found["labels"], found["people"]
    except (zipfile.BadZipFile, KeyError, EOFError):
        raise ValueError("no pictures") from None
    if crops.dtype != np.uint8 or crops.shape != (len(labels), SIDE, SIDE) or len(people) != len(labels):
        raise ValueError("no pictures of the faces of people")
    return FolderSet(crops, labels.astype(np.uint8), people, ("",) * len(labels), ())


def _exactly(descriptor: int, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        piece = os.read(descriptor, min(length - len(parts), 1 << 20))
        if not piece:
            sys.exit(PARENT_GONE)
        parts += piece
    return bytes(parts)
