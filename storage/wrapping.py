"""Keys, and the header of a sealed file: it holds the file's own fresh key, wrapped by another key.

So a file gets another key by another header, and none of what is sealed changes.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from db.copies import sync_folder
from fer_core.errors import FerError

MAGIC = b"EXPHIST1"
KEY_BYTES, ID_BYTES, NONCE_BYTES, TAG_BYTES = 32, 16, 12, 16
HEADER_BYTES = len(MAGIC) + ID_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES
COPY_BYTES = 256 * 1024
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1
"""Cost of guessing a passphrase: 128 MiB and about half a second for each try (OWASP's choice for scrypt)."""


class SealError(FerError):
    """A sealed file that was changed or damaged, or that another key opens."""

    code = "file_damaged"


def damaged() -> SealError:
    """Return the refusal of a sealed file that isn't as it was written."""
    return SealError("The stored file was changed or damaged on the disk, so it is not used.")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of 256 bits that wraps the keys of files. `id` is public and stands in each file."""

    id: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Key:
        """Return the key of 32 secret bytes; its id reveals nothing of them."""
        return cls(hashlib.sha256(b"expression-history key id" + secret).digest()[:ID_BYTES], secret)

    @property
    def fingerprint(self) -> str:
        """The id as 32 hexadecimal digits."""
        return self.id.hex()

    @classmethod
    def of_passphrase(cls, passphrase: str, salt: bytes | None = None) -> Key:
        """Return the key that scrypt derives from a passphrase; the salt (16 bytes, fresh by default) is its id."""
        salt = salt or os.urandom(ID_BYTES)
        kdf = Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
        return cls(salt, kdf.derive(passphrase.encode()))


def opens(file: BinaryIO, key: Key, context: bytes) -> bool:
    """Return whether a key opens a sealed file."""
    try:
        file_key_of(file, key, context)
    except SealError:
        return False
    return True


def rewrap(file: BinaryIO, old: Key, new: Key, context: bytes) -> bytes:
    """Return the header of a sealed file for another key, to be put in place of its own; no chunk changes.

    Raises SealError ``wrong_key``, ``file_damaged``.
    """
    return header_for(file_key_of(file, old, context), new, context)


def rewrap_bytes(sealed: bytes, old: Key, new: Key, context: bytes) -> bytes:
    """Return what `seal_bytes` sealed with `old`, for `new`; what `new` opens already comes back as it is.

    Raises as `rewrap` does.
    """
    file = io.BytesIO(sealed)
    if key_id(file) == new.id:
        return sealed
    return rewrap(file, old, new, context) + sealed[HEADER_BYTES:]


def rewrap_file(path: Path, old: Key, new: Key, context: bytes) -> bool:
    """Make `new` open a file on the local disk in place of `old`, in one step; False if it already does.

    Raises as `rewrap` does.
    """
    beside = path.with_name(f"{path.name}.rewrap")
    with path.open("rb") as file:
        if key_id(file) == new.id:
            return False
        copy_with_header(file, rewrap(file, old, new, context), beside)
    os.replace(beside, path)
    sync_folder(path.parent)
    return True


def copy_with_header(file: BinaryIO, header: bytes, target: Path) -> None:
    """Write a copy of a sealed file with another header, for this user alone and safe on the disk."""
    file.seek(HEADER_BYTES)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(header)
        shutil.copyfileobj(file, written, COPY_BYTES)
        written.flush()
        os.fsync(written.fileno())


def key_id(file: BinaryIO) -> bytes:
    """Return the id of the key that opens the file. Raises SealError where it is no sealed file."""
    file.seek(0)
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise damaged()
    return header[len(MAGIC) : len(MAGIC) + ID_BYTES]


def header_for(file_key: bytes, key: Key, context: bytes) -> bytes:
    """Return the header of a file, which holds its own key, wrapped by `key` and bound to the file's context."""
    nonce = os.urandom(NONCE_BYTES)
    named = MAGIC + key.id
    return named + nonce + AESGCM(key.secret).encrypt(nonce, file_key, named + context)


def file_key_of(file: BinaryIO, key: Key, context: bytes) -> bytes:
    """Return a sealed file's own key. Raises SealError ``wrong_key``, ``file_damaged``."""
    if key_id(file) != key.id:
        raise SealError("The stored file can't be opened with the key of this installation.", "wrong_key")
    file.seek(len(MAGIC) + ID_BYTES)
    nonce, wrapped = file.read(NONCE_BYTES), file.read(KEY_BYTES + TAG_BYTES)
    try:
        return AESGCM(key.secret).decrypt(nonce, wrapped, MAGIC + key.id + context)
    except InvalidTag:
        raise damaged() from None
