"""Packing and unpacking a backup's files: hashed while copied, the database compressed, piece by piece."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from backup.attached import COPY_BYTES

DATABASE, PACKED = "clinic.db", "clinic.db.gz"


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file beside the database as it lay there, sealed: ``media/ID`` or ``work/RECORDING/FILE``, bytes, SHA-256."""

    name: str
    size: int
    sha256: str


class Hashing(io.RawIOBase):
    """An open file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(size)
        self.digest.update(found)
        return found


def add(archive: tarfile.TarFile, name: str, file: BinaryIO, size: int) -> MediaFile:
    """Add a file piece by piece, without its owner on this computer."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    with file:
        hashing = Hashing(file)
        archive.addfile(entry, cast(IO[bytes], hashing))
    return MediaFile(name, size, hashing.digest.hexdigest())


def add_packed(archive: tarfile.TarFile, copy: Path) -> str:
    """Add the database, compressed, and return its SHA-256 as it was; the files beside it are sealed and stay."""
    packed = copy.with_name(f"{copy.name}.gz")
    try:
        hashing = Hashing(copy.open("rb"))
        descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with hashing, os.fdopen(descriptor, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as to:
            while chunk := hashing.read(COPY_BYTES):
                to.write(chunk)
        add(archive, PACKED, packed.open("rb"), packed.stat().st_size)
    finally:
        packed.unlink(missing_ok=True)
    return hashing.digest.hexdigest()


def content_of(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> BinaryIO:
    file = archive.extractfile(entry)
    if file is None:
        raise ValueError("no file")
    return cast(BinaryIO, file)


def copy_out(archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> str:
    """Write a file of the backup to a new place, piece by piece, and return its SHA-256."""
    content = content_of(archive, entry)
    plain = cast(BinaryIO, gzip.GzipFile(fileobj=content)) if entry.name == PACKED else content
    hashing = Hashing(plain)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        while chunk := hashing.read(COPY_BYTES):
            written.write(chunk)
    return hashing.digest.hexdigest()
