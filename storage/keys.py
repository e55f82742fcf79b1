"""The master key, which wraps the key of each stored file: created for an empty clinic, or set by the environment.

It lies outside the data folder, so that a copy or a backup of that folder can't be read without it.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from db.copies import sync_folder
from fer_core.errors import FerError
from storage.places import Places
from storage.wrapping import KEY_BYTES, Key

MOST_CHARACTERS = 1 << 20
"""So much is read of a file of a key or a passphrase."""


class MasterKeyError(FerError):
    """A master key that is missing, damaged, or open to others; nothing that it seals was touched."""

    code = "master_key"


def key_path(places: Places) -> Path:
    """Return where the master key lies, unless the environment gives it."""
    return places.key_dir / "master.key"


def next_path(places: Places) -> Path:
    """Return the path of the key that replaces the master key when everything is rewrapped."""
    return places.key_dir / "master.key.next"


def old_path(places: Places, fingerprint: str) -> Path:
    """Return where a change of the key keeps the one that it replaced: earlier backups need it."""
    return places.key_dir / f"master.key.old-{fingerprint[:8]}"


def load(places: Places) -> Key | None:
    """Return the master key, None where there is none.

    Raises MasterKeyError ``master_key_open`` where others may read it, ``master_key_damaged``, ``rotation_unfinished``.
    """
    if places.master_key is not None:
        return Key.of(places.master_key)
    if next_path(places).exists():
        raise MasterKeyError(
            "A change of the master key is running, or was interrupted. Please run `expression-history rotate-key`"
            " again: it continues where it stopped.",
            "rotation_unfinished",
        )
    return read(key_path(places))


def require(places: Places) -> Key:
    """Return the master key. Raises MasterKeyError as `load` does, and ``master_key_missing``."""
    key = load(places)
    if key is None:
        raise missing()
    return key


def missing() -> MasterKeyError:
    """Return the error of a missing key."""
    return MasterKeyError(
        "The master key is missing. Please restore its file (master.key) from its backup, or set FER_KEY_DIR to the"
        " folder that holds it. If it is lost for good, `expression-history rotate-key --lost` begins with a new one,"
        " and says what the lost one takes with it.",
        "master_key_missing",
    )


def first_text(path: Path) -> str:
    """Return what a file of a key or passphrase holds, and no more than that of one without an end.

    Raises OSError, ValueError.
    """
    # Some editors put a mark before the text, which is no part of it.
    with path.open(encoding="utf-8-sig") as file:
        return file.read(MOST_CHARACTERS)


def read(path: Path) -> Key | None:
    """Return the key of a file, None where there is no such file. Raises MasterKeyError as `load` does."""
    try:
        mode, text = path.stat().st_mode, first_text(path)
        secret = bytes.fromhex(text)
    except FileNotFoundError:
        return None
    except OSError:
        raise MasterKeyError(
            f"The key {path} can't be read. It must be a file of the program's account (mode 600): please check its"
            " owner, or bring it back from its backup.",
            "master_key_damaged",
        ) from None
    except ValueError:
        raise _damaged(path) from None
    if stat.S_IMODE(mode) & 0o077:
        raise MasterKeyError(
            "Others on this computer may read the master key: set its file to mode 600, and its folder to 700.",
            "master_key_open",
        )
    if len(secret) != KEY_BYTES:
        raise _damaged(path)
    return Key.of(secret)


def _damaged(path: Path) -> MasterKeyError:
    return MasterKeyError(
        f"The file {path} holds no key (64 hexadecimal digits). Please bring it back from its backup.",
        "master_key_damaged",
    )


def make(places: Places) -> Key:
    """Create a master key only for this user (0600) and return it; one that another process just created stays."""
    return make_at(key_path(places))


def make_at(path: Path) -> Key:
    """Create a key in a file as `make` does, and return it; an existing one stays."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_bytes(KEY_BYTES).hex())
            file.flush()
            os.fsync(file.fileno())
        # A link and no rename: of two processes that start at once, the second takes the key of the first.
        os.link(beside, path)
        sync_folder(path.parent)
    except FileExistsError:
        pass
    except OSError:
        raise MasterKeyError(
            "The master key can't be written. Please check FER_KEY_DIR and the rights on that folder.", "master_key"
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    made = read(path)
    if made is None:
        raise MasterKeyError("The master key file can't be read.", "master_key_damaged")
    return made
