"""Files sealed with AES-256-GCM in chunks: any part can be read, and a swapped, cut or added part is detected.

A file is a header (storage/wrapping.py) and chunks. Each chunk is ``nonce | ciphertext | tag`` and is bound to its
number, to whether it is the last one, and to the file's context.
"""

from __future__ import annotations

import io
import os
import struct
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.wrapping import (
    HEADER_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    Key,
    damaged,
    file_key_of,
    header_for,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

CHUNK_BYTES = 256 * 1024
"""Plain bytes in a chunk; the last may have fewer."""
EXTRA_BYTES = NONCE_BYTES + TAG_BYTES
"""By how much sealing makes a chunk longer."""
RECORD_BYTES = CHUNK_BYTES + EXTRA_BYTES
CACHED_CHUNKS = 4


class _Chunks:
    """Seals and opens the chunks of one file."""

    def __init__(self, file_key: bytes, context: bytes) -> None:
        self._cipher = AESGCM(file_key)
        self._context = context

    def seal(self, number: int, plain: bytes, last: bool) -> bytes:
        # A random nonce, not the number: an upload that is resumed may seal the same number again.
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, self._bound_to(number, last))

    def open(self, number: int, record: bytes, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(record[:NONCE_BYTES], record[NONCE_BYTES:], self._bound_to(number, last))
        except InvalidTag:
            raise damaged() from None

    def _bound_to(self, number: int, last: bool) -> bytes:
        return struct.pack(">Q?", number, last) + self._context


class SealedWriter:
    """Writes a sealed file from its start to its end; without `finish` it can't be read, only resumed."""

    def __init__(self, file: BinaryIO, key: Key, context: bytes) -> None:
        file_key = os.urandom(KEY_BYTES)
        file.write(header_for(file_key, key, context))
        self._file, self._chunks = file, _Chunks(file_key, context)
        self._number = 0
        self._waiting = bytearray()

    @classmethod
    def resume(cls, file: BinaryIO, key: Key, context: bytes, at_most: int | None = None) -> SealedWriter:
        """Go on with an unfinished file that is open for reading and writing, behind its last whole chunk.

        `at_most`: no more chunks than these are kept.
        """
        writer = cls.__new__(cls)
        writer._file, writer._chunks = file, _opened_chunks(file, key, context)
        whole = (_size(file) - HEADER_BYTES) // RECORD_BYTES
        writer._number = whole if at_most is None else min(whole, at_most)
        writer._waiting = bytearray()
        file.truncate(HEADER_BYTES + writer._number * RECORD_BYTES)
        file.seek(0, os.SEEK_END)
        return writer

    def read_back(self) -> Iterator[bytes]:
        """Yield the plain bytes of the chunks that were written, to be hashed again after an interruption."""
        self._file.seek(HEADER_BYTES)
        for number in range(self._number):
            yield self._chunks.open(number, self._file.read(RECORD_BYTES), last=False)
        self._file.seek(0, os.SEEK_END)

    @property
    def written(self) -> int:
        """Plain bytes in the whole chunks that were written: from here the file can be resumed."""
        return self._number * CHUNK_BYTES

    def write(self, data: ReadableBuffer) -> int:
        """Add plain bytes and return how many."""
        before = len(self._waiting)
        self._waiting += data
        count = len(self._waiting) - before
        # One chunk always waits, because it may be the last.
        while len(self._waiting) > CHUNK_BYTES:
            self._seal(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]
        return count

    def flush(self) -> None:
        """Do nothing: a chunk is written when it is known whether it is the last."""

    def pause(self) -> None:
        """Write a whole chunk that waits and forget an incomplete one, so that the file can be resumed."""
        if len(self._waiting) == CHUNK_BYTES:
            self._seal(bytes(self._waiting), last=False)
        self._waiting.clear()

    def finish(self) -> None:
        """Write the last chunk; nothing can be added then."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, plain: bytes, last: bool) -> None:
        self._file.write(self._chunks.seal(self._number, plain, last))
        self._number += 1


class _SealedReader(io.RawIOBase):
    """The plain bytes of a finished sealed file; what is read was checked."""

    def __init__(self, file: BinaryIO, key: Key, context: bytes) -> None:
        # First of all: if the rest raises, Python also closes a half-initialised object.
        self._file = file
        self._chunks = _opened_chunks(file, key, context)
        body = _size(file) - HEADER_BYTES
        self._count = -(-body // RECORD_BYTES)
        self.size = body - self._count * EXTRA_BYTES
        self._place = 0
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        if self._count < 1 or self.size < (self._count - 1) * CHUNK_BYTES:
            raise damaged()
        # A file that was cut off or added to ends with a chunk that doesn't call itself the last.
        self._chunk(self._count - 1)

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
        if self._place >= self.size or not len(view):
            return 0
        number, within = divmod(self._place, CHUNK_BYTES)
        found = self._chunk(number)[within : within + len(view)]
        view[: len(found)] = found
        self._place += len(found)
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        self._file.seek(HEADER_BYTES + number * RECORD_BYTES)
        plain = self._chunks.open(number, self._file.read(RECORD_BYTES), last=number == self._count - 1)
        self._cache[number] = plain
        if len(self._cache) > CACHED_CHUNKS:
            self._cache.popitem(last=False)
        return plain


@contextmanager
def sealing(file: BinaryIO, key: Key, context: bytes) -> Iterator[SealedWriter]:
    """Yield a writer whose file is finished at the end, and stays unreadable after an exception."""
    writer = SealedWriter(file, key, context)
    yield writer
    writer.finish()


def open_sealed(file: BinaryIO, key: Key, context: bytes) -> BinaryIO:
    """Return the plain content of a sealed file as a seekable file; closing it closes `file`, and so does a refusal.

    Raises SealError ``wrong_key``, or ``file_damaged`` here or at reading.
    """
    try:
        return cast(BinaryIO, io.BufferedReader(_SealedReader(file, key, context)))
    except BaseException:
        file.close()
        raise


def read_unfinished(file: BinaryIO, key: Key, context: bytes, count: int) -> Iterator[bytes]:
    """Yield the plain bytes of the first `count` chunks of a file that is not finished; nothing is changed.

    Raises SealError ``wrong_key``, ``file_damaged``.
    """
    chunks = _opened_chunks(file, key, context)
    file.seek(HEADER_BYTES)
    for number in range(count):
        yield chunks.open(number, file.read(RECORD_BYTES), last=False)


def seal_bytes(plain: bytes, key: Key, context: bytes) -> bytes:
    """Return a few bytes, sealed like a file."""
    written = io.BytesIO()
    with sealing(written, key, context) as sealed:
        sealed.write(plain)
    return written.getvalue()


def open_bytes(sealed: bytes, key: Key, context: bytes) -> bytes:
    """Return what `seal_bytes` sealed. Raises SealError ``wrong_key``, ``file_damaged``."""
    with open_sealed(io.BytesIO(sealed), key, context) as plain:
        return plain.read()


def _opened_chunks(file: BinaryIO, key: Key, context: bytes) -> _Chunks:
    return _Chunks(file_key_of(file, key, context), context)


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
