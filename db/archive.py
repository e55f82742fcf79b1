"""Encrypted backups: a copy of the database and a manifest of the media in a sealed file, verified by unpacking it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, cast

from fsspec.core import url_to_fs

from db.copies import CopyError, check, copy_whole, sync_folder
from db.sealed import KEY_BYTES, MAGIC, Key, SealError, key_id, open_sealed, sealing
from fer_core.errors import FerError

FORMAT, VERSION = "expression-history-backup", 1
CONTEXT = b"expression-history backup"
MANIFEST, DATABASE = "manifest.json", "clinic.db"
MIN_PASSPHRASE = 15
COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file of the media store as it lay there, sealed: its name, size in bytes and SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: when it was made, the rows of each table, the database's SHA-256, and the media beside it.

    The media themselves are not in the backup: they wait for their analysis for a short time, and are sealed.
    """

    made_at: str
    tables: dict[str, int]
    sha256: str
    media: tuple[MediaFile, ...]
    format: str = FORMAT
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Secret:
    """What opens a backup: a passphrase, or a key of 32 bytes."""

    passphrase: str | None = None
    key: bytes | None = None

    @classmethod
    def read_key(cls, path: Path) -> Secret:
        """Read a key file of 64 hexadecimal digits. Raises FerError ``bad_key_file``."""
        try:
            key = bytes.fromhex(path.read_text("ascii"))
        except (OSError, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise FerError(
                "The key file must hold 64 hexadecimal digits: `openssl rand -hex 32` makes them.", "bad_key_file"
            )
        return cls(key=key)

    def to_seal(self) -> Key:
        """Return the key for a new backup. Raises FerError ``weak_passphrase``."""
        if self.key is not None:
            return Key.of(self.key)
        if len(self.passphrase or "") < MIN_PASSPHRASE:
            raise FerError(f"Please take a passphrase of {MIN_PASSPHRASE} characters or more.", "weak_passphrase")
        return Key.of_passphrase(self.passphrase or "")

    def to_open(self, file: BinaryIO) -> Key:
        """Return the key for a backup that is there."""
        return Key.of(self.key) if self.key is not None else Key.of_passphrase(self.passphrase or "", key_id(file))


def seal_backup(database: Path, target: Path, secret: Secret, media_url: str) -> Manifest:
    """Write an encrypted backup to a new file; writers may go on meanwhile.

    It has its name only after it was unpacked again and found whole.
    Raises FerError ``no_database``, ``backup_exists``, ``backup_damaged``, ``copy_failed``, ``in_use`` or
    ``weak_passphrase``.
    """
    if not database.is_file():
        raise FerError("There is no database to copy.", "no_database")
    if target.exists():
        raise FerError("A file of this name is there already; nothing was overwritten.", "backup_exists")
    key, part = secret.to_seal(), target.with_name(f"{target.name}.part")
    try:
        with _beside(database, "backup") as copy:
            tables = copy_whole(database, copy)
            # After the copy: a file is in the store before its row is in the database.
            manifest = Manifest(datetime.now(UTC).isoformat(), tables, _sha256(copy.open("rb")), media_files(media_url))
            _write(part, key, manifest, copy)
        with _beside(database, "verify") as copy:
            if _unpack(part, key, copy) != manifest or check(copy) != tables:
                raise CopyError(
                    "The backup differs from the database. Nothing was kept of it; please try another disk."
                )
        os.replace(part, target)
        sync_folder(target.parent)
    except OSError as error:
        raise CopyError(
            "The backup can't be written there. Please check the folder and the space on the disk."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


@contextmanager
def opened_backup(source: Path, secret: Secret, database: Path) -> Iterator[tuple[Path, Manifest]]:
    """Unpack a backup beside the database while the context lasts: give the copy and the manifest.

    Raises FerError ``no_database``, ``wrong_key``, ``wrong_passphrase``, ``backup_damaged``, ``copy_failed``.
    """
    if not source.is_file():
        raise FerError("There is no such backup.", "no_database")
    with source.open("rb") as file:
        key = secret.to_open(file)
    with _beside(database, "restore") as copy:
        try:
            manifest = _unpack(source, key, copy)
        except SealError as error:
            if error.code == "wrong_key":
                raise FerError("This backup was made with another key.", "wrong_key") from None
            if secret.passphrase is not None:
                raise FerError("The passphrase is wrong, or the backup is damaged.", "wrong_passphrase") from None
            raise FerError("This backup was changed or damaged.", "backup_damaged") from None
        except OSError as error:
            raise CopyError("The backup can't be unpacked. Please check the space on the disk.") from error
        yield copy, manifest


def is_sealed(path: Path) -> bool:
    """Return whether a file is an encrypted backup, and not a plain copy of a database."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def media_files(media_url: str) -> tuple[MediaFile, ...]:
    """Return the files of a media store (a folder or a URL that fsspec knows), as they lie there."""
    fs, root = url_to_fs(media_url)
    found = []
    for place in sorted(fs.find(root)) if fs.exists(root) else ():
        try:
            found.append(MediaFile(place.rsplit("/", 1)[-1], int(fs.size(place)), _sha256(fs.open(place, "rb"))))
        except FileNotFoundError:
            # Its analysis was done in this moment, and it was deleted.
            continue
    return tuple(found)


def lost_media(manifest: Manifest, media_url: str) -> list[str]:
    """Return the names of the manifest's files that are not in the store as they were."""
    there = set(media_files(media_url))
    return [file.name for file in manifest.media if file not in there]


@contextmanager
def _beside(database: Path, purpose: str) -> Iterator[Path]:
    """Give a place for a readable copy, on the database's own disk and never on the backup's; it is deleted after.

    Its name is that of a safety copy, so that one left by a power cut goes when something is erased for good.
    """
    path = database.with_name(f"{database.name}.before-{purpose}-{os.getpid()}")
    try:
        path.unlink(missing_ok=True)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _write(part: Path, key: Key, manifest: Manifest, copy: Path) -> None:
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with sealing(file, key, CONTEXT) as sealed, tarfile.open(fileobj=cast(IO[bytes], sealed), mode="w|") as archive:
            told = json.dumps(asdict(manifest)).encode()
            head = tarfile.TarInfo(MANIFEST)
            head.size = len(told)
            archive.addfile(head, io.BytesIO(told))
            archive.add(copy, DATABASE, filter=_nameless)
        file.flush()
        os.fsync(file.fileno())


def _nameless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who the user of this computer is."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _unpack(source: Path, key: Key, copy: Path) -> Manifest:
    """Write the database of a backup to `copy`, return the manifest. Raises SealError, FerError ``backup_damaged``."""
    with open_sealed(source.open("rb"), key, CONTEXT) as plain:
        try:
            with tarfile.open(fileobj=plain, mode="r:") as archive:
                manifest = _manifest(archive)
                digest = _copy_out(archive, copy)
        except (tarfile.TarError, LookupError, TypeError, ValueError):
            raise FerError("The file is no backup of this program.", "backup_damaged") from None
    if digest != manifest.sha256:
        raise FerError("This backup was changed or damaged.", "backup_damaged")
    return manifest


def _manifest(archive: tarfile.TarFile) -> Manifest:
    file = archive.extractfile(MANIFEST)
    told = json.loads(file.read() if file is not None else b"")
    if told["format"] != FORMAT:
        raise ValueError("another format")
    if told["version"] > VERSION:
        raise FerError("This backup was made by a newer version of the program; please update first.", "backup_newer")
    return Manifest(**{**told, "media": tuple(MediaFile(**media) for media in told["media"])})


def _copy_out(archive: tarfile.TarFile, copy: Path) -> str:
    file = archive.extractfile(DATABASE)
    if file is None:
        raise ValueError("no file")
    digest = hashlib.sha256()
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while chunk := file.read(COPY_BYTES):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def _sha256(file: BinaryIO) -> str:
    with file:
        digest = hashlib.sha256()
        while chunk := file.read(COPY_BYTES):
            digest.update(chunk)
        return digest.hexdigest()
