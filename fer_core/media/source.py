"""Where a picture or video is read from: a path, or a file that is open already (a decrypted one, for instance)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Source = Path | BinaryIO
"""A path, or a seekable file of bytes; where it stands is of no account."""


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """Give the source as a file that stands at its start; one that was open stays so at the end."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        source.seek(0)
        yield source


def size_bytes(source: Source) -> int:
    """Return the size of the source; of one that is open the place is left at its end."""
    return source.stat().st_size if isinstance(source, Path) else source.seek(0, os.SEEK_END)
