"""A file that lies with another process, which hands it over range by range."""

from __future__ import annotations

import io
import os
import socket
from typing import TYPE_CHECKING

from fer_core.media import wire

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class RemoteFile(io.RawIOBase):
    """A seekable file of `size` bytes whose ranges come through the socket."""

    def __init__(self, link: socket.socket, size: int) -> None:
        self._link, self._size, self._place = link, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the start of the file")
        self._place = base + offset
        return self._place

    def readinto(self, target: WriteableBuffer) -> int:
        view = memoryview(target).cast("B")
        wanted = min(len(view), wire.RANGE_BYTES, max(0, self._size - self._place))
        if not wanted:
            return 0
        wire.send(self._link, wire.RANGE, {"place": self._place, "length": wanted})
        count = wire.receive(self._link).size
        wire.fill(self._link, view[:count])
        self._place += count
        return count
