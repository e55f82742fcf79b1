"""The reading process's side: a link to its caller, and the file that lies there."""

from __future__ import annotations

import io
import os
import socket
from typing import TYPE_CHECKING

import numpy as np

from fer_core.carry import Json, to_json
from fer_core.media import wire
from fer_core.media.frame_head import FrameHead
from fer_core.media.ring import SLOTS, Ring
from fer_core.types import RGB

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Link:
    """The socket to the caller, and the memory shared with it, if there is any."""

    def __init__(self, link: socket.socket, ring: Ring | None = None) -> None:
        self._link, self._ring = link, ring
        self._sent = self._taken = 0

    def say(self, kind: bytes, fields: Json, data: memoryview | bytes = b"") -> None:
        """Send a message."""
        wire.send(self._link, kind, fields, data)

    def question(self) -> Json:
        """Return what is asked."""
        return wire.receive(self._link).fields

    def picture(self) -> bytes:
        """Return the next picture that comes."""
        message = wire.receive(self._link)
        return bytes(wire.exactly(self._link, message.size))

    def show(self, rgb: RGB, head: FrameHead) -> None:
        """Send a frame, through the shared memory where it fits, as soon as there is room."""
        if self._ring is None or rgb.nbytes > self._ring.slot_bytes:
            self.say(wire.FRAME, to_json(head), np.ascontiguousarray(rgb).data.cast("B"))
            return
        while self._sent - self._taken == SLOTS:
            self._next()
        slot = self._sent % SLOTS
        self._ring.put(slot, rgb)
        self.say(wire.FRAME, to_json(head) | {"slot": slot})
        self._sent += 1

    def range(self, place: int, target: memoryview) -> int:
        """Fill `target` with the file's bytes from a place on, as far as they come at once; return how many."""
        self.say(wire.RANGE, {"place": place, "length": len(target)})
        while (message := self._next()) is None:
            pass
        wire.fill(self._link, target[: message.size])
        return message.size

    def _next(self) -> wire.Message | None:
        """Return the next message; None: a frame was taken out of the memory."""
        message = wire.receive(self._link)
        if message.kind != wire.FREE:
            return message
        self._taken += 1
        return None


class RemoteFile(io.RawIOBase):
    """A seekable file of `size` bytes whose ranges come through the link."""

    def __init__(self, link: Link, size: int) -> None:
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
        count = self._link.range(self._place, view[:wanted]) if wanted else 0
        self._place += count
        return count
