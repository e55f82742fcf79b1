"""The files that a database refers to: waiting uploads, kept files, previews, trained models. Restored with it.

Those of patients are copied as they lie, sealed: a user who opens a backup also needs the master key to look at them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.implementations.local import LocalFileSystem

from db.copies import CopyError
from db.sqlite import sqlite3
from storage.placing import PART, adopt, file_system, listed

COPY_BYTES = 1 << 20
IN_USE = "training/model_in_use.json"
"""Which of the trained models analyses; it lies in the data folder itself."""
CURVES = "epochs.jsonl"


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the files lie: the media store (a folder or a URL that fsspec knows) and the previews' folder."""

    media_url: str
    work: Path

    def place(self, name: str) -> Path:
        """Return where a file of a backup lies that is not in the media store."""
        data = self.work.parent
        return data / Path(IN_USE).name if name == IN_USE else data / name


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a database refers to: the ids of stored files, of recordings, which may have previews, and of trainings."""

    files: frozenset[str]
    recordings: frozenset[str]
    trainings: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Return whether a file of a backup belongs to it.

        Its name is ``media/ID``, ``work/RECORDING/FILE``, ``training/ID/epochs.jsonl``, ``training/ID/model/FILE`` or
        `IN_USE`.
        """
        kind, _, rest = name.partition("/")
        owner, _, file = rest.partition("/")
        if kind == "media":
            return not file and owner in self.files
        if kind == "training":
            inner = file.removeprefix("model/")
            return name == IN_USE or (
                owner in self.trainings and (file == CURVES or (inner != file and _is_name(inner)))
            )
        return kind == "work" and owner in self.recordings and _is_name(file)


def waiting(database: Path) -> frozenset[str]:
    """Return the ids of the files that analyses wait for, which have to be in the store. Raises CopyError."""
    with _opened(database) as connection:
        return _ids(connection, "SELECT sources FROM job WHERE state IN ('queued', 'running')")


@contextmanager
def _opened(database: Path) -> Iterator[Any]:
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise CopyError("This file is not a database of this program, or it is damaged.", "backup_damaged") from error


def _ids(connection: Any, statement: str) -> frozenset[str]:
    sources = [json.loads(text) for (text,) in connection.execute(statement) if text]
    # An id is never part of a path that leads elsewhere.
    return frozenset(source["id"] for listed in sources for source in listed if _is_id(source["id"]))


def wanted(database: Path) -> Wanted:
    """Return what a copy of a database refers to. Raises CopyError."""
    with _opened(database) as connection:
        files = _ids(connection, "SELECT sources FROM job")
        recordings = frozenset(found for (found,) in connection.execute("SELECT id FROM recording") if _is_id(found))
        return Wanted(files, recordings, frozenset(filter(_is_id, _trainings(connection))))


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
    for name in (IN_USE, *_of_trainings(stores, asked)):
        yield from _one(name, local, str(stores.place(name)))


def digest_of(stores: Stores, name: str) -> str | None:
    """Return the SHA-256 of a file of a backup as it lies in the stores now, None where it doesn't."""
    kind, _, rest = name.partition("/")
    if kind == "media":
        fs, root = file_system(stores.media_url)
        found = _one(name, fs, f"{root}/{rest}")
    else:
        found = _one(name, LocalFileSystem(), str(stores.place(name)))
    for _name, file, _size in found:
        return sha256_of(file)
    return None


def bring_back(stores: Stores, name: str, path: Path) -> None:
    """Move a file that was unpacked at `path` to its old place in one step; what lies there is replaced."""
    kind, _, rest = name.partition("/")
    if kind == "media":
        fs, root = file_system(stores.media_url)
        adopt(fs, root, path, rest)
        return
    place = stores.place(name)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.replace(path, place)


def take_back(stores: Stores, name: str) -> None:
    """Delete a file that `bring_back` put there, or half of it; one that is not there is no error."""
    kind, _, rest = name.partition("/")
    fs, place = (LocalFileSystem(), str(stores.place(name)))
    if kind == "media":
        fs, root = file_system(stores.media_url)
        place = f"{root}/{rest}"
    for path in (place, place + PART):
        with suppress(OSError):
            fs.rm_file(path)


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of what is left of an open file."""
    digest = hashlib.sha256()
    while chunk := file.read(COPY_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _trainings(connection: Any) -> frozenset[str]:
    """Return the ids of trainings; a backup of an older release has no such table."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'training'").fetchone() is None:
        return frozenset()
    return frozenset(found for (found,) in connection.execute("SELECT id FROM training"))


def _of_trainings(stores: Stores, asked: Wanted) -> Iterator[str]:
    """Yield the curves and the models of trainings; checkpoints, which only a running one needs, stay."""
    for training_id in sorted(asked.trainings):
        folder = stores.place(f"training/{training_id}")
        yield f"training/{training_id}/{CURVES}"
        for path in sorted((folder / "model").glob("*")):
            yield f"training/{training_id}/model/{path.name}"


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and "/" not in text


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
