"""The sealed files that a database refers to: waiting uploads, kept files, previews. Packed and restored with it.

They are copied as they lie, sealed: a user who opens a backup also needs the master key to look at them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.implementations.local import LocalFileSystem

from db.copies import CopyError
from db.sqlite import sqlite3
from storage.placing import PART, adopt, file_system, listed

COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the files lie: the media store (a folder or a URL that fsspec knows) and the previews' folder."""

    media_url: str
    work: Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a database refers to: the ids of stored files, and of recordings, which may have previews."""

    files: frozenset[str]
    recordings: frozenset[str]

    def has(self, name: str) -> bool:
        """Return whether a file of a backup belongs to it: ``media/ID`` or ``work/RECORDING/FILE``."""
        kind, _, rest = name.partition("/")
        owner, _, file = rest.partition("/")
        if kind == "media":
            return not file and owner in self.files
        return kind == "work" and owner in self.recordings and file not in ("", ".", "..") and "/" not in file


def wanted(database: Path) -> Wanted:
    """Return what a copy of a database refers to. Raises CopyError."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            sources = [json.loads(text) for (text,) in connection.execute("SELECT sources FROM job") if text]
            recordings = frozenset(found for (found,) in connection.execute("SELECT id FROM recording"))
    except sqlite3.Error as error:
        raise CopyError("This file is not a database of this program, or it is damaged.", "backup_damaged") from error
    files = frozenset(source["id"] for listed in sources for source in listed)
    # An id is never part of a path that leads elsewhere.
    return Wanted(frozenset(filter(_is_id, files)), frozenset(filter(_is_id, recordings)))


def present(stores: Stores, asked: Wanted) -> Iterator[tuple[str, BinaryIO, int]]:
    """Yield the name, the open file and the size in bytes of what is there; a file is closed when the next one comes.

    One that is deleted in this moment, because its analysis is done, is left out. Raises as `listed` does.
    """
    fs, root = file_system(stores.media_url)
    # Listed once: of most recordings the file went after the analysis.
    there = {str(place["name"]).rsplit("/", 1)[-1] for place in listed(fs, root)}
    for media_id in sorted(asked.files & there):
        yield from _one(f"media/{media_id}", fs, f"{root}/{media_id}")
    local = LocalFileSystem()
    for recording_id in sorted(asked.recordings):
        folder = stores.work / recording_id
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.suffix != PART:
                yield from _one(f"work/{recording_id}/{path.name}", local, str(path))


def digest_of(stores: Stores, name: str) -> str | None:
    """Return the SHA-256 of a file of a backup as it lies in the stores now, None where it doesn't."""
    kind, _, rest = name.partition("/")
    fs, root = file_system(stores.media_url) if kind == "media" else (LocalFileSystem(), str(stores.work))
    for _name, file, _size in _one(name, fs, f"{root}/{rest}"):
        return sha256_of(file)
    return None


def bring_back(stores: Stores, name: str, path: Path) -> None:
    """Move a file that was unpacked at `path` to its old place in one step; what lies there is replaced."""
    kind, _, rest = name.partition("/")
    if kind == "media":
        fs, root = file_system(stores.media_url)
        adopt(fs, root, path, rest)
        return
    place = stores.work / rest
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.replace(path, place)


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of what is left of an open file."""
    digest = hashlib.sha256()
    while chunk := file.read(COPY_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def _one(name: str, fs: Any, place: str) -> Iterator[tuple[str, BinaryIO, int]]:
    try:
        file = fs.open(place, "rb")
    except FileNotFoundError:
        return
    with file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        yield name, file, size
