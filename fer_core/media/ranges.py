"""An open file lent to another process range by range: it asks for a place and a length through a socket."""

from __future__ import annotations

import io
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RANGE_BYTES = 256 * 1024
"""The longest range that is handed over at once."""
_SIZE, _QUESTION, _LENGTH = struct.Struct(">Q"), struct.Struct(">QI"), struct.Struct(">I")


@contextmanager
def serving(file: BinaryIO) -> Iterator[int]:
    """Serve the file's ranges from a thread while the context lasts; give the descriptor to hand to the process.

    What reading the file raised is raised at the end, in place of what came of it elsewhere.
    """
    ours, theirs = socket.socketpair()
    failures: list[Exception] = []
    thread = threading.Thread(target=_serve, args=(file, ours, failures), daemon=True)
    thread.start()
    try:
        yield theirs.fileno()
    finally:
        theirs.close()
        # The other process may be gone without a word, or hold its end open in yet another one.
        with suppress(OSError):
            ours.shutdown(socket.SHUT_RDWR)
        thread.join()
        ours.close()
        if failures:
            raise failures[0]


class RemoteRanges(io.RawIOBase):
    """The other side: a seekable file whose bytes come through the socket."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        (self._size,) = _SIZE.unpack(_receive(link, _SIZE.size))
        self._place = 0

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
        self._link.sendall(_QUESTION.pack(self._place, min(len(view), RANGE_BYTES)))
        (length,) = _LENGTH.unpack(_receive(self._link, _LENGTH.size))
        view[:length] = _receive(self._link, length)
        self._place += length
        return int(length)

    def close(self) -> None:
        self._link.close()
        super().close()


def _serve(file: BinaryIO, link: socket.socket, failures: list[Exception]) -> None:
    try:
        size = file.seek(0, os.SEEK_END)
        link.sendall(_SIZE.pack(size))
        while question := link.recv(_QUESTION.size, socket.MSG_WAITALL):
            place, length = _QUESTION.unpack(question)
            # The process isn't trusted: behind the end of the file, however far, there is nothing.
            file.seek(min(place, size))
            found = file.read(min(length, RANGE_BYTES))
            link.sendall(_LENGTH.pack(len(found)) + found)
    except (ConnectionError, struct.error):
        # The process ended in the middle of a question: what it has to say, or that it says nothing, is seen elsewhere.
        return
    except Exception as error:  # noqa: BLE001 handed to the thread that waits
        failures.append(error)
    finally:
        # The process must not wait for an answer that won't come.
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)


def _receive(link: socket.socket, count: int) -> bytes:
    """Return exactly `count` bytes. Raises EOFError where the other side is gone."""
    found = link.recv(count, socket.MSG_WAITALL) if count else b""
    if len(found) < count:
        raise EOFError("the file is no longer served")
    return found
