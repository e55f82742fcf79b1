"""Asks a process without rights what is in a file, and checks everything that it answers."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from fer_core.carry import CarryError, Json, from_json
from fer_core.errors import MEDIA_CODES, FerError, media_error
from fer_core.media import wire
from fer_core.media.kinds import named_as_video
from fer_core.media.passage import BookmarkError
from fer_core.media.process import READERS, ReaderError
from fer_core.media.protection import Protection
from fer_core.media.ring import Ring, sealed_memory, shareable
from fer_core.media.source import Source, opened
from fer_core.types import RGB

SILENT_S = 30.0
"""A process that says nothing for so long doesn't go on; decoding the largest picture takes a tenth of it."""
WITHIN_S = 600.0
"""An answer, or the next frame, comes within this time: to find the place to go on from may take minutes."""
ANSWER_CPU_S, PASS_CPU_S = 120, 24 * 3600
"""Processor time for an answer, and for a pass over a whole video."""
T = TypeVar("T")


class UnbelievableError(ValueError):
    """An impossible answer of the process."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the process, with the picture that came with it."""

    kind: bytes
    fields: Json
    rgb: RGB | None


def answer(source: Source, kind: type[T], question: Json) -> T:
    """Return the answer to a question about a file, as a dataclass of this kind.

    Raises MediaError, ReaderError, and what reading `source` raises.
    """
    try:
        return from_json(kind, _one_answer(source, question).fields)
    except CarryError:
        raise media_error("unreadable_file") from None


def picture(source: Source, question: Json) -> tuple[RGB, Json]:
    """Return the picture that is the answer to a question, and what is said of it. Raises as `answer` does."""
    message = _one_answer(source, question)
    if message.rgb is None:
        raise media_error("unreadable_file")
    return message.rgb, message.fields


def protection() -> Protection:
    """Return what a process that reads files has given up before. Raises MediaError, ReaderError."""
    with Path(os.devnull).open("rb") as nothing, closing(heard(nothing, {"do": "examine"})) as messages:
        return from_json(Protection, next(messages).fields)


def heard(
    source: Source, question: Json, cpu_s: int = ANSWER_CPU_S, slot_bytes: int = 0
) -> Generator[Heard, None, None]:
    """Ask a separate process about a file and yield its messages; it ends when this iterator does.

    `slot_bytes`: the most that a frame may take in shared memory, 0: none is lent. Raises as `answer` does.
    """
    try:
        with opened(source) as file:
            size = file.seek(0, os.SEEK_END)
            with _lent(slot_bytes) as memory:
                yield from _asked(file, source, question | {"size": size}, cpu_s, memory)
    except OSError:
        if isinstance(source, Path):
            raise media_error("unreadable_file") from None
        raise


def _one_answer(source: Source, question: Json) -> Heard:
    with closing(heard(source, question)) as messages:
        for message in messages:
            if message.kind == wire.ANSWER:
                return message
    raise media_error("unreadable_file")


@contextmanager
def _lent(slot_bytes: int) -> Iterator[int | None]:
    """Give the descriptor of memory to show frames in, None where none is wanted or the system has none to seal."""
    if not slot_bytes or not shareable():
        yield None
        return
    memory = sealed_memory(slot_bytes)
    try:
        yield memory
    finally:
        os.close(memory)


def _asked(
    file: BinaryIO, source: Source, question: Json, cpu_s: int, memory: int | None
) -> Generator[Heard, None, None]:
    ours, theirs = socket.socketpair()
    with ours, closing(_Link(ours, memory)) as link:
        with theirs:
            process = READERS.start(theirs, cpu_s, memory)
        ended = False
        try:
            yield from _conversation(link, file, source, question)
        except _GoneError:
            ended = True
            raise _death(READERS.end(process)) from None
        finally:
            if not ended:
                READERS.end(process)


def _conversation(link: _Link, file: BinaryIO, source: Source, question: Json) -> Generator[Heard, None, None]:
    """Hand over ranges of the file, and yield all else, until the process has answered."""
    link.say(wire.QUESTION, question)
    begun = time.monotonic()
    while True:
        message = link.next(begun + WITHIN_S)
        if message.kind == wire.RANGE:
            link.say(wire.BYTES, {}, _range(file, message.fields, question["size"]))
            continue
        if message.kind == wire.REFUSED:
            raise _refusal(message.fields.get("code"), source)
        yield message
        if message.kind == wire.ANSWER:
            return
        begun = time.monotonic()


def _range(file: BinaryIO, fields: Json, size: int) -> bytes:
    """Return the range that is asked for. The process isn't trusted: outside of the file there is nothing."""
    place, length = fields.get("place"), fields.get("length")
    if type(place) is not int or type(length) is not int or not 0 <= place <= size or length < 0:
        return b""
    file.seek(place)
    return file.read(min(length, wire.RANGE_BYTES))


class _GoneError(Exception):
    """The process is gone, silent, or sent something impossible."""


class _Link:
    """The socket to a process, from which anything may come."""

    def __init__(self, link: socket.socket, memory: int | None) -> None:
        self._link = link
        self._ring = None if memory is None else Ring(memory)

    def close(self) -> None:
        if self._ring is not None:
            self._ring.close()

    def say(self, kind: bytes, fields: Json, data: bytes = b"") -> None:
        self._link.settimeout(SILENT_S)
        try:
            wire.send(self._link, kind, fields, data)
        except OSError:
            raise _GoneError from None

    def next(self, until: float) -> Heard:
        """Return the next message; wait for it until this time of the monotonic clock at most."""
        self._link.settimeout(max(0.01, min(SILENT_S, until - time.monotonic())))
        try:
            message = wire.receive(self._link)
            return Heard(message.kind, message.fields, self._picture(message))
        except (OSError, EOFError, ValueError, wire.WireError):
            raise _GoneError from None

    def _picture(self, message: wire.Message) -> RGB | None:
        slot, height, width = (message.fields.get(name) for name in ("slot", "height", "width"))
        if slot is None and not message.size:
            return None
        if type(height) is not int or type(width) is not int:
            raise wire.WireError
        if type(slot) is int and self._ring is not None and not message.size:
            rgb = self._ring.take(slot, height, width)
            # After its last frame the process may be gone; what it still said can be read.
            with suppress(ConnectionError):
                wire.send(self._link, wire.FREE, {})
            return rgb
        if height < 1 or 3 * height * width != message.size:
            raise wire.WireError
        rgb = np.empty((height, width, 3), np.uint8)
        wire.fill(self._link, rgb.data.cast("B"))
        return rgb


def _refusal(code: object, source: Source) -> FerError:
    if code == BookmarkError.code:
        return BookmarkError("The place to go on from is not found in the video.")
    if code == "unknown_type" and isinstance(source, Path) and named_as_video(source.name):
        code = "not_a_video"
    return media_error(code if isinstance(code, str) and code in MEDIA_CODES else "unreadable_file")


def _death(code: int | None) -> FerError:
    """Return what an early end of the process says about the file; None: not known."""
    if code is None:
        return ReaderError()
    forbidden = hasattr(signal, "SIGSYS") and code == -signal.SIGSYS
    return media_error("hostile_file" if forbidden else "unreadable_file")
