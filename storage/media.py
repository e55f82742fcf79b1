"""The store of sealed files: a folder, or over fsspec an object store or a share; everything in it is encrypted,
but for the random id of the clinic that it belongs to.

A file's name is a random id. It gets that name when it is complete and safely stored.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.implementations.local import LocalFileSystem

from fer_core.errors import FerError
from storage import keys
from storage.places import Places
from storage.placing import PART as PART
from storage.placing import adopt, file_system, listed
from storage.sealed import open_sealed
from storage.wrapping import Key, copy_with_header, key_id, rewrap

MARK = "clinic.id"
"""The name of the file that says whose a store is."""
MARK_BYTES = 100


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """A file of the store: its id, its sealed size in bytes, and when it came in. `whole` is False for a rest."""

    id: str
    size: int
    modified: datetime
    whole: bool = True


class MediaStore:
    """Sealed files under random ids, on any file system of fsspec."""

    def __init__(self, fs: Any, root: str, key: Key) -> None:
        self._fs, self._root, self.key = fs, root, key

    @classmethod
    def at(cls, places: Places, key: Key) -> MediaStore:
        """Return the store of an installation with a given key. Raises FerError ``bad_setting``."""
        fs, root = file_system(places.media_url)
        return cls(fs, root, key)

    @property
    def folder(self) -> Path | None:
        """The folder in which the files lie, None where the store is no folder of this computer."""
        return Path(self._root) if isinstance(self._fs, LocalFileSystem) else None

    def adopt(self, path: Path, media_id: str) -> None:
        """Move a finished sealed file from the local disk into the store; it is safely stored when this returns."""
        self._place(media_id)
        adopt(self._fs, self._root, path, media_id)

    def open(self, media_id: str) -> BinaryIO:
        """Return the plain content as a seekable file; every part is checked when it is read.

        Raises FerError ``upload_gone``, SealError ``wrong_key``, ``file_damaged``.
        """
        try:
            file = self._fs.open(self._place(media_id), "rb")
        except FileNotFoundError:
            raise FerError(
                "The uploaded file does not exist any more. Please upload it again.", "upload_gone"
            ) from None
        return open_sealed(file, self.key, media_id.encode())

    def rewrap(self, media_id: str, old: Key, work: Path) -> bool:
        """Make `key` open a file in place of `old`; False if it already does.

        `work`: a folder on the local disk for the copy that takes the file's place, whole at once.
        Raises SealError where `old` doesn't open it, FerError ``upload_gone``.
        """
        try:
            with self._fs.open(self._place(media_id), "rb") as file:
                if key_id(file) == self.key.id:
                    return False
                header = rewrap(file, old, self.key, media_id.encode())
                copy = work / f"{media_id}.rewrap"
                copy_with_header(file, header, copy)
        except FileNotFoundError:
            raise FerError("The uploaded file does not exist any more.", "upload_gone") from None
        self.adopt(copy, media_id)
        return True

    def key_of(self, media_id: str) -> bytes:
        """Return the id of the key that opens a file. Raises SealError where it is no sealed file."""
        with self._fs.open(self._place(media_id), "rb") as file:
            return key_id(file)

    def exists(self, media_id: str) -> bool:
        """Return whether the file is in the store."""
        return bool(self._fs.exists(self._place(media_id)))

    def delete(self, media_id: str) -> None:
        """Delete a file with its key; one that is gone already is no error."""
        for place in (self._place(media_id), self._place(media_id) + PART):
            try:
                self._fs.rm_file(place)
            except FileNotFoundError:
                continue

    def files(self) -> Iterator[StoreEntry]:
        """Yield the store's files, including remains of incomplete ones. Raises as `listed` does."""
        for found in listed(self._fs, self._root):
            name = str(found["name"]).rsplit("/", 1)[-1]
            media_id = name.removesuffix(PART)
            if re.fullmatch(r"[0-9a-f]{32}", media_id):
                try:
                    modified = self._fs.modified(found["name"])
                except FileNotFoundError:
                    continue
                yield StoreEntry(media_id, int(found["size"]), modified, whole=name == media_id)

    def clinic_id(self) -> str | None:
        """Return the id of the clinic for which the store was marked, None without a mark."""
        try:
            with self._fs.open(f"{self._root}/{MARK}", "rb") as file:
                return bytes(file.read(MARK_BYTES)).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return None

    def mark(self, clinic_id: str, work: Path) -> None:
        """Let the store say whose it is; `work`: a folder on the local disk. Raises what the file system raises."""
        path = work / f"{MARK}.{secrets.token_hex(4)}{PART}"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{clinic_id}\n")
            adopt(self._fs, self._root, path, MARK)
        finally:
            path.unlink(missing_ok=True)

    def _place(self, media_id: str) -> str:
        """Return where a file lies. Raises ValueError for what is no id, so no path can be injected."""
        if not re.fullmatch(r"[0-9a-f]{32}", media_id):
            raise ValueError("not a file's id")
        return f"{self._root}/{media_id}"


def open_store(places: Places) -> MediaStore:
    """Return the installation's store. Raises MasterKeyError where its key is missing or of no use."""
    return MediaStore.at(places, keys.require(places))


def store_without_key(places: Places) -> MediaStore:
    """Return the store to list its files and ask whose it is. Raises FerError ``bad_setting``."""
    return MediaStore.at(places, Key(b"", b""))
