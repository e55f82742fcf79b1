"""Encrypted backups: the database, the sealed files that it refers to, and a manifest; verified by unpacking it."""

from __future__ import annotations

import io
import json
import os
import secrets
import tarfile
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, cast

from backup import attached, leftovers
from backup.attached import Stores, sha256_of, wanted
from backup.backup import not_a_backup
from backup.packing import DATABASE, PACKED, MediaFile, add, add_packed, content_of, copy_out
from db.account import account_name
from db.copies import CopyError, check, copy_whole, delete_copy, sync_folder
from db.faults import of_rights
from fer_core.errors import FerError
from storage.keys import first_text
from storage.sealed import open_sealed, sealing
from storage.wrapping import KEY_BYTES, MAGIC, Key, SealError, key_id, opens

FORMAT, VERSION = "expression-history-backup", 3
"""The first version held the names of the files and not the files; the second, the database as it is."""
CONTEXT = b"expression-history backup"
MANIFEST = "manifest.json"
MIN_PASSPHRASE = 15


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: when it was made, the rows of each table, the database's SHA-256, and the files with it."""

    made_at: str
    tables: dict[str, int]
    sha256: str
    media: tuple[MediaFile, ...]
    format: str = FORMAT
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that was unpacked and checked: the copy of its database, its manifest, and access to its files."""

    copy: Path
    manifest: Manifest
    source: Path
    key: Key = field(repr=False)

    @property
    def names(self) -> list[str]:
        """The names of its files."""
        return [file.name for file in self.manifest.media]

    def bring_back(self, stores: Stores, chosen: Callable[[str], bool]) -> int:
        """Restore the chosen files, one after the other, and return how many."""
        count, beside = 0, self.copy.with_name(f"{self.copy.name}.file")
        with open_sealed(self.source.open("rb"), self.key, CONTEXT) as plain, _reading(plain) as archive:
            for entry in archive:
                if chosen(entry.name):
                    try:
                        copy_out(archive, entry, beside)
                        attached.bring_back(stores, entry.name, beside)
                    finally:
                        beside.unlink(missing_ok=True)
                    count += 1
        return count


@dataclass(frozen=True, slots=True)
class Secret:
    """What opens a backup: a passphrase, or a key of 32 bytes."""

    passphrase: str | None = None
    key: bytes | None = None

    @classmethod
    def read_key(cls, path: Path) -> Secret:
        """Read a key file of 64 hexadecimal digits. Raises FerError ``bad_key_file``."""
        try:
            key = bytes.fromhex(_text_of(path, "key"))
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise FerError(
                f"{path} holds no key: those are 64 hexadecimal digits, as `openssl rand -hex 32` makes them. Please"
                " name another file, or the one of a passphrase with --passphrase-file.",
                "bad_key_file",
            )
        return cls(key=key)

    @classmethod
    def read_passphrase(cls, path: Path) -> Secret:
        """Read the first line of a file. Raises FerError ``bad_passphrase_file``."""
        passphrase = _text_of(path, "passphrase").split("\n")[0]
        if not passphrase.strip():
            raise FerError(
                f"The first line of the passphrase file {path} is empty. Please write the passphrase there.",
                "bad_passphrase_file",
            )
        return cls(passphrase=passphrase)

    def to_seal(self) -> Key:
        """Return the key for a new backup. Raises FerError ``weak_passphrase``."""
        if self.key is not None:
            return Key.of(self.key)
        passphrase = unicodedata.normalize("NFC", self.passphrase or "")
        if len(passphrase) < MIN_PASSPHRASE:
            raise FerError(f"Please choose a passphrase of {MIN_PASSPHRASE} characters or more.", "weak_passphrase")
        return Key.of_passphrase(passphrase)

    def to_open(self, file: BinaryIO) -> Key:
        """Return the key for an existing backup: a passphrase opens it in whatever form its accents were typed."""
        if self.key is not None:
            return Key.of(self.key)
        typed, salt = self.passphrase or "", key_id(file)
        # Earlier versions sealed with the characters as they came.
        forms = dict.fromkeys((*(unicodedata.normalize(form, typed) for form in ("NFC", "NFD")), typed))
        keys = [Key.of_passphrase(form, salt) for form in forms]
        return next((key for key in keys if opens(file, key, CONTEXT)), keys[0])


def _text_of(path: Path, kind: str) -> str:
    """Return the text of a file with a key or a passphrase. Raises FerError ``bad_KIND_file``."""
    code = f"bad_{kind}_file"
    try:
        text = first_text(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "it is not a file"
        advice = "Please check its name."
        if isinstance(error, PermissionError):
            reason += f"; this runs as the account {account_name(os.geteuid())}"
            advice = "Please give it to that account (chown), in a folder that is open to it."
        raise FerError(f"The {kind} file {path} can't be read ({reason}). {advice}", code) from None
    except ValueError:
        text = "\0"
    # Windows' "Unicode" is UTF-16, and has such a character in every letter.
    if "\0" in text:
        raise FerError(f"The {kind} file {path} isn't text in UTF-8. Please save it as UTF-8, and try again.", code)
    return text


def seal_backup(database: Path, target: Path, secret: Secret, stores: Stores) -> Manifest:
    """Write an encrypted backup to a new file; writers may go on meanwhile.

    It has its name only after it was unpacked again and found whole.
    Raises FerError ``no_database``, ``backup_exists``, ``backup_damaged``, ``copy_failed``, ``in_use`` or
    ``weak_passphrase``.
    """
    if not database.is_file():
        raise FerError("There is no database to copy.", "no_database")
    if target.exists():
        raise _exists()
    # Two that are written at once, by the timer and by hand, don't write into one file.
    key, part = secret.to_seal(), target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        leftovers.delete_parts(target)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            leftovers.hold(file.fileno())
            with _beside(database, "backup") as copy:
                tables = copy_whole(database, copy)
                # The files after the copy: one is in the store before its row is in the database.
                manifest = _write(file, key, tables, copy, stores)
            with _beside(database, "verify") as copy:
                if _unpack(part, key, copy) != manifest or check(copy) != tables:
                    raise CopyError(
                        "The backup differs from the database. Nothing of it was kept. Please try another disk."
                    )
            if target.exists():
                raise _exists()
            os.replace(part, target)
        sync_folder(target.parent)
    except OSError as error:
        full = CopyError("The backup can't be written there. Please check the folder and the space on the disk.")
        raise (of_rights(error) or full) from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _exists() -> FerError:
    return FerError("A file with this name already exists; nothing was overwritten.", "backup_exists")


@contextmanager
def opened_backup(source: Path, secret: Secret, database: Path) -> Iterator[Opened]:
    """Unpack a backup's database beside the database while the context lasts, and check every file in it.

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
            raise _refused(error, secret) from None
        except OSError as error:
            full = CopyError("The backup can't be unpacked. Please check the space on the disk.")
            raise (of_rights(error) or full) from error
        yield Opened(copy, manifest, source, key)


def _refused(error: SealError, secret: Secret) -> FerError:
    if error.code == "wrong_key":
        return FerError(
            "This backup was made with another key, or with a passphrase. Please name that one with --key-file FILE"
            " (the backup.key of the key folder of that time) or --passphrase-file FILE.",
            "wrong_key",
        )
    if secret.passphrase is not None:
        return FerError(
            "The passphrase is wrong, or the backup was made with a key, or is damaged. Please try the passphrase of"
            " that time, its key with --key-file FILE (backup.key in the key folder), or another backup.",
            "wrong_passphrase",
        )
    return _damaged()


def _damaged() -> FerError:
    return FerError(
        "This backup was changed or damaged; nothing of it is used. Please copy it again from where it was kept, or"
        " take an earlier one.",
        "backup_damaged",
    )


def is_sealed(path: Path) -> bool:
    """Return whether a file is an encrypted backup, and not a plain copy of a database."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def lost_media(manifest: Manifest, stores: Stores) -> list[str]:
    """Return the names of the manifest's files that are not in the stores as they were."""
    return [file.name for file in manifest.media if attached.digest_of(stores, file.name) != file.sha256]


@contextmanager
def _beside(database: Path, purpose: str) -> Iterator[Path]:
    """Yield a place for a readable copy, on the database's disk and never on the backup's; it is deleted afterwards.

    Its name is that of a safety copy: one left by a power cut is deleted by the next erasure or backup.
    """
    path = database.with_name(f"{database.name}.before-{purpose}-{os.getpid()}")
    database.absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with leftovers.copying(path.absolute().parent):
        try:
            delete_copy(path)
            yield path
        finally:
            delete_copy(path)


def _write(file: BinaryIO, key: Key, tables: dict[str, int], copy: Path, stores: Stores) -> Manifest:
    with (
        sealing(file, key, CONTEXT) as sealed,
        tarfile.open(fileobj=cast(IO[bytes], sealed), mode="w|") as archive,
    ):
        sha256 = add_packed(archive, copy)
        media = tuple(add(archive, *found) for found in attached.present(stores, wanted(copy)))
        # The manifest comes last: what a file held is known when it was read, once.
        manifest = Manifest(datetime.now(UTC).isoformat(), tables, sha256, media)
        content = json.dumps(asdict(manifest)).encode()
        add(archive, MANIFEST, io.BytesIO(content), len(content))
    file.flush()
    os.fsync(file.fileno())
    return manifest


@contextmanager
def _reading(plain: BinaryIO) -> Iterator[tarfile.TarFile]:
    """Open the archive within a backup. Raises FerError ``backup_damaged`` for what is none."""
    try:
        with tarfile.open(fileobj=plain, mode="r:") as archive:
            yield archive
    except (tarfile.TarError, LookupError, TypeError, ValueError, EOFError, zlib.error):
        raise not_a_backup() from None


def _unpack(source: Path, key: Key, copy: Path) -> Manifest:
    """Write the database of a backup to `copy`, check every file, and return the manifest.

    Raises SealError, FerError ``backup_damaged``.
    """
    with open_sealed(source.open("rb"), key, CONTEXT) as plain, _reading(plain) as archive:
        manifest = _manifest(archive)
        found = {_meant(entry.name): _digest(archive, entry, copy) for entry in archive if entry.name != MANIFEST}
    expected = {DATABASE: manifest.sha256} | {file.name: file.sha256 for file in manifest.media}
    if manifest.version == 1:
        expected = {DATABASE: manifest.sha256}
    if found != expected:
        raise _damaged()
    return manifest


def _meant(name: str) -> str:
    return DATABASE if name == PACKED else name


def _digest(archive: tarfile.TarFile, entry: tarfile.TarInfo, copy: Path) -> str:
    if entry.name in (DATABASE, PACKED):
        return copy_out(archive, entry, copy)
    return sha256_of(content_of(archive, entry))


def _manifest(archive: tarfile.TarFile) -> Manifest:
    content = json.loads(content_of(archive, archive.getmember(MANIFEST)).read())
    if content["format"] != FORMAT:
        raise ValueError("another format")
    if content["version"] > VERSION:
        raise FerError("This backup was made by a newer version of the program. Please update first.", "backup_newer")
    return Manifest(**{**content, "media": tuple(MediaFile(**media) for media in content["media"])})
