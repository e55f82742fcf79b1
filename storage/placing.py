"""Moving a finished file to its place in one step: on the local disk or any file system of fsspec."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from db.copies import sync_folder

PART = ".part"
"""The end of a file's name until it is complete."""
AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss"})
"""Object stores, where a file that is sent is there as a whole or not at all, and a rename would be another copy."""


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
