"""The atoms of an MP4 or MOV: whether its index is there, and whether it is protected against copying."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from fer_core.media.source import Source, opened

FIRST = (b"ftyp", b"mdat", b"wide", b"free", b"skip")
"""What a file whose index is missing begins with."""
INDEX_BYTES = 4 * 1024 * 1024
"""So much of an index is looked through: a track's description stands before its times."""
PROTECTED = (b"encv", b"drmi")
"""What the pictures' description is called where they are encrypted: Common Encryption, FairPlay."""


def lacks_index(source: Source) -> bool:
    """Return whether an MP4 or MOV has no moov atom: its recording or its copy was interrupted."""
    with opened(source) as file:
        for name, begin, _ in _atoms(file):
            if name == b"moov" or (begin == 0 and name not in FIRST):
                return False
    return True


def is_protected(source: Source) -> bool:
    """Return whether the pictures of an MP4 or MOV are encrypted against copying, by its index."""
    with opened(source) as file:
        for name, begin, length in _atoms(file):
            if name == b"moov":
                file.seek(begin)
                index = file.read(min(length, INDEX_BYTES) if length else INDEX_BYTES)
                return b"sinf" in index and any(entry in index for entry in PROTECTED)
    return False


def _atoms(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, the beginning and the length in bytes of each atom of the file; the last one's may be 0."""
    place, size = 0, file.seek(0, os.SEEK_END)
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        yield name, place, length
        if length < 8:
            return
        place += length
