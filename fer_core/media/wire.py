"""The messages on the socket between a process that wants a file read and the one that reads it.

A message is a letter, some JSON, and bytes. The reading process asks for ranges of the file by the same socket.
"""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

READY, RANGE, FRAME, ANSWER, REFUSED = b"R", b"G", b"F", b"A", b"X"
"""From the process that reads: ready (with its `Protection`), a range is wanted, a frame, the answer, a refusal."""
QUESTION, BYTES, FREE = b"Q", b"B", b"L"
"""To it: what it is asked, a range, and that the oldest frame in the shared memory was taken."""
RANGE_BYTES = 256 * 1024
"""The longest range that is handed over at once."""
MOST_JSON, MOST_BYTES = 1024 * 1024, 3 * 2**26
"""The largest picture has 67 megapixels."""
_HEAD = struct.Struct(">cIQ")


class WireError(Exception):
    """The received bytes are no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message whose bytes are still in the socket: `size` of them."""

    kind: bytes
    fields: dict[str, Any]
    size: int


def send(link: socket.socket, kind: bytes, fields: dict[str, Any], data: bytes | memoryview = b"") -> None:
    """Send a message. Raises OSError where the other side is gone."""
    text = json.dumps(fields).encode()
    size = len(data) if isinstance(data, bytes) else data.nbytes
    link.sendall(_HEAD.pack(kind, len(text), size) + text)
    if size:
        link.sendall(data)


def receive(link: socket.socket) -> Message:
    """Return the next message, its bytes left out. Raises EOFError, WireError, OSError."""
    kind, length, size = _HEAD.unpack(exactly(link, _HEAD.size))
    if length > MOST_JSON or size > MOST_BYTES:
        raise WireError
    try:
        fields = json.loads(exactly(link, length))
    except (ValueError, RecursionError):
        raise WireError from None
    if not isinstance(fields, dict):
        raise WireError
    return Message(kind, fields, size)


def exactly(link: socket.socket, count: int) -> bytearray:
    """Return `count` bytes. Raises EOFError where the other side is gone, OSError."""
    found = bytearray(count)
    fill(link, memoryview(found))
    return found


def fill(link: socket.socket, target: memoryview) -> None:
    """Fill a contiguous buffer of bytes from the socket. Raises EOFError where the other side is gone, OSError."""
    place = 0
    while place < len(target):
        count = link.recv_into(target[place:])
        if not count:
            raise EOFError("the other side is gone")
        place += count
