"""Moving a finished file to its place in one step: on the local disk or any file system of fsspec."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from db.copies import sync_folder
from fer_core.errors import FerError

PART = ".part"
"""The end of a file's name until it is complete."""
AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss"})
"""Object stores, where a file that is sent is there as a whole or not at all, and a rename would be another copy."""

NO_STORES = frozenset(
    {"ftp", "ftps", "http", "https", "data", "zip", "tar", "libarchive", "git", "github", "reference"}
)
"""No file can be put there safely: FTP replaces none in one step and sends its password open. Others are read only."""


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a store's address, and the path in it.

    Raises FerError ``bad_setting``, and ``media_unreachable`` where a server that is asked for it does not answer.
    """
    protocol, mark, place = url.partition("://")
    if mark and not place.strip("/"):
        raise _bad_address(f"what follows {protocol}:// is missing")
    if protocol in NO_STORES or "::" in url:
        raise _bad_address(
            "no file can be put there safely. Name a folder, a share that is mounted, or an object store"
        )
    try:
        fs, root = url_to_fs(url)
    except OSError as error:
        raise _unreachable(error) from error
    except ImportError as error:
        raise _bad_address(f"it needs a package that is not installed. {error}") from None
    except Exception:  # noqa: BLE001 each file system of fsspec refuses an address in its own way
        # Its text may repeat the address, in which a password may stand.
        raise _bad_address(f"{protocol}:// is not known, or its address is incomplete") from None
    return fs, root


def _bad_address(why: str) -> FerError:
    return FerError(f"The address of the media store can't be used (FER_MEDIA_URL): {why.rstrip('.')}.", "bad_setting")


def _unreachable(error: Exception) -> FerError:
    return FerError(
        f"The media store can't be reached ({type(error).__name__}). Please check FER_MEDIA_URL, the network, and its"
        " credentials.",
        "media_unreachable",
    )


def listed(fs: Any, root: str) -> list[dict[str, Any]]:
    """Return what lies in a store, nothing for one that is not made yet.

    Raises FerError ``media_unreachable``: what does not answer is not empty.
    """
    try:
        # Without refresh a remote file system answers from what it saw before.
        return list(fs.ls(root, detail=True, refresh=True))
    except FileNotFoundError:
        return []
    except Exception as error:
        if isinstance(error, OSError) and isinstance(fs, LocalFileSystem):
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            said = f"The media store can't be read ({reason}): {root}. Please check its disk or share, and its rights."
            raise FerError(said, "media_unreachable") from error
        raise _unreachable(error) from error


def adopt(fs: Any, root: str, path: Path, name: str) -> None:
    """Move a finished file from the local disk into a store; it is safe there under its name when this returns."""
    final = f"{root}/{name}"
    if isinstance(fs, LocalFileSystem):
        Path(root).mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.move(path, final + PART)
        _sync(Path(final + PART))
        os.replace(final + PART, final)
        sync_folder(Path(root))
        return
    if AT_ONCE.isdisjoint([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol):
        fs.makedirs(root, exist_ok=True)
        fs.put_file(str(path), final + PART)
        fs.mv(final + PART, final)
    else:
        fs.put_file(str(path), final)
    path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
