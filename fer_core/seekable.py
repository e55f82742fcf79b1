"""A read-only file whose bytes come from elsewhere, piece by piece."""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class SeekableReader(io.RawIOBase):
    """A seekable file of `size` bytes that a subclass fetches; wrap it in an `io.BufferedReader`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._place = 0

    @abstractmethod
    def _fetch(self, place: int, most: int) -> bytes:
        """Return up to `most` bytes from `place` on: at least one where there are any, and none behind the end."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the start of the file")
        self._place = base + offset
        return self._place

    def readinto(self, target: WriteableBuffer) -> int:
        view = memoryview(target).cast("B")
        found = self._fetch(self._place, len(view))
        view[: len(found)] = found
        self._place += len(found)
        return len(found)
