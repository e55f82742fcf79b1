"""The pieces of an upload as they come in: each is sealed and hashed, and safe on the disk when it is answered."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from typing import Any, BinaryIO

from clinic.recordings import uploads
from clinic.recordings.incoming import Incoming, delete, hold, state_path, status, whole_chunks, write_state
from clinic.settings import Settings
from db.room import disk_full
from fer_core.errors import FerError, MediaError
from storage.media import open_store
from storage.sealed import CHUNK_BYTES, SealedWriter

Digests = MutableMapping[str, tuple[int, Any]]
"""For each upload: bytes hashed so far, and the hash; where it is missing, the file is read again."""


@contextlib.contextmanager
def _refused_without_room() -> Iterator[None]:
    """Say of a disk that fills up meanwhile what is said of one that was full before."""
    try:
        yield
    except OSError as error:
        if disk_full(error):
            raise uploads.no_room() from error
        raise


class Piece:
    """One request's piece of an upload. No other request can write to the file meanwhile.

    Raises FerError ``upload_unknown``, ``upload_busy``, ``upload_offset`` where the piece doesn't follow on what is
    there, ``upload_differs`` where another file was announced, and SealError.
    """

    def __init__(self, settings: Settings, upload_id: str, offset: int, digests: Digests, owner: str) -> None:
        self._settings, self._digests = settings, digests
        self._upload = status(settings, upload_id, owner)
        self._file: BinaryIO = uploads.part_path(settings, upload_id).open("r+b")
        self._pending = bytearray()
        try:
            self._lock()
            if self._upload.sha256 is not None or offset != self._upload.offset:
                raise FerError("The piece does not continue the upload.", "upload_offset")
            key = open_store(settings).key
            at_most = whole_chunks(self._upload)
            self._writer = SealedWriter.resume(self._file, key, upload_id.encode(), at_most)
            self._digest = self._digest_so_far()
        except BaseException:
            self._file.close()
            raise

    def write(self, data: bytes) -> None:
        """Add bytes. Raises MediaError ``too_big`` beyond the length that was said, ``disk_full``."""
        upload = self._upload
        if self._reached + len(self._pending) + len(data) > upload.length:
            raise MediaError("The file is longer than announced. Please choose it again.", "too_big")
        uploads.check_room(self._settings, upload.length, len(data))
        self._pending += data
        # The last chunk is left for the end: it alone is sealed as the last.
        while len(self._pending) > CHUNK_BYTES:
            with _refused_without_room():
                self._add(bytes(self._pending[:CHUNK_BYTES]))
            del self._pending[:CHUNK_BYTES]

    def close(self) -> Incoming:
        """Flush what arrived to the disk, close the file if it is complete, and return its state.

        Raises MediaError ``disk_full``.
        """
        try:
            with _refused_without_room():
                return self._settle()
        finally:
            self._file.close()

    def _settle(self) -> Incoming:
        upload = self._upload
        whole = self._reached + len(self._pending) == upload.length
        if whole or len(self._pending) == CHUNK_BYTES:
            self._add(bytes(self._pending))
        if whole:
            self._writer.finish()
        else:
            self._writer.pause()
        self._file.flush()
        os.fsync(self._file.fileno())
        if whole:
            upload = replace(upload, sha256=self._digest.hexdigest(), offset=upload.length)
            # Raises where it was cancelled meanwhile: its state must not come back without its file.
            status(self._settings, upload.id, upload.owner)
            self._need_announced(upload)
            write_state(self._settings, upload)
            return upload
        self._digests[upload.id] = self._reached, self._digest
        # The sweep uses the time of this file.
        with contextlib.suppress(FileNotFoundError):
            os.utime(state_path(self._settings, upload.id))
        return replace(upload, offset=self._reached)

    def _need_announced(self, upload: Incoming) -> None:
        """Delete what is not the file that was announced. Raises FerError ``upload_differs``."""
        if upload.announced is not None and upload.announced != upload.sha256:
            delete(self._settings, upload.id)
            raise FerError("What was sent is not the file that was announced. Please send it again.", "upload_differs")

    def _add(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._writer.write(chunk)
        self._reached += len(chunk)

    def _lock(self) -> None:
        hold(self._file)
        # The earlier holder of the lock may have gone on since.
        self._upload = status(self._settings, self._upload.id, self._upload.owner)

    def _digest_so_far(self) -> Any:
        """Return the hash of what is there, remembered or computed again."""
        self._reached = self._writer.written
        hashed, digest = self._digests.pop(self._upload.id, (0, None))
        if digest is None or hashed != self._reached:
            digest = hashlib.sha256()
            for chunk in self._writer.read_back():
                digest.update(chunk)
        return digest
