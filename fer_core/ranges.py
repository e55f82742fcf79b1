"""An open file lent to another process range by range: it asks for a place and a length through a socket."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from fer_core.seekable import SeekableReader

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


class RemoteRanges(SeekableReader):
    """The other side: a seekable file whose bytes come through the socket."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        (size,) = _SIZE.unpack(_receive(link, _SIZE.size))
        super().__init__(size)

    def _fetch(self, place: int, most: int) -> bytes:
        self._link.sendall(_QUESTION.pack(place, min(most, RANGE_BYTES)))
        (length,) = _LENGTH.unpack(_receive(self._link, _LENGTH.size))
        return _receive(self._link, length)

    def close(self) -> None:
        self._link.close()
        super().close()


def _serve(file: BinaryIO, link: socket.socket, failures: list[Exception]) -> None:
    try:
        link.sendall(_SIZE.pack(file.seek(0, os.SEEK_END)))
        while question := link.recv(_QUESTION.size, socket.MSG_WAITALL):
            place, length = _QUESTION.unpack(question)
            file.seek(place)
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
