"""Uploads of large files: in pieces, resumable after an interruption, and sealed as they arrive.

A page starts an upload and gets its unguessable id; the pieces come over a route (web/routes.py). On the
disk lies ``uploads/<id>.part``, sealed, and beside it ``<id>.json`` with the length, whose it is, and, at the end, the
SHA-256. Only whole chunks count: what of a piece doesn't fill one is sent again after an interruption.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, clock
from clinic.access import Actor
from clinic.accounts import sessions, tokens
from clinic.audit import AuditAction
from clinic.recordings import uploads
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from db.engine import Database
from db.models import AuditRow, Job, JobState
from fer_core.errors import FerError, MediaError, media_error
from storage.media import PART, open_store
from storage.sealed import CHUNK_BYTES, RECORD_BYTES, SealedWriter, open_sealed, read_unfinished
from storage.wrapping import HEADER_BYTES

MOST_AT_ONCE, BUSY_S = 32, 15 * 60.0
"""Uploads that may be active within a quarter of an hour; abandoned ones are deleted after a day."""

MOST_OF_ONE, SHARE_OF_ONE = 8, 4
"""Of these, those that one account may have; its waiting files may take at most a quarter of the quota."""
MOST_FILES, SMALL_BYTES = 200, 64 << 20
"""Files of one account that are not used yet; small ones, such as pictures, don't count above."""
_BEGINNING = threading.Lock()
BLOCK_BYTES = 16 * CHUNK_BYTES
"""What is hashed at once to compare a file with what is there of it; pages/views/assets/uploader.js has the same."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An upload: its length and how much of it is safely on the disk, both in bytes.

    `owner`: who began it (`owner_of`). `sha256`: set when all of it is there. `announced`: what it has to be, where
    that was said.
    """

    id: str
    length: int
    owner: str = ""
    sha256: str | None = None
    announced: str | None = None
    offset: int = 0


def owner_of(actor: Actor) -> str:
    """Return who alone may go on with an upload: an account, or one program that acts for it."""
    return f"{actor.account_id}/{actor.token_id}" if actor.token_id else actor.account_id


def begin(db: Database, settings: Settings, actor: Actor, length: int, sha256: str | None = None) -> Incoming:
    """Open an upload of `length` bytes, which the acting person or program alone may go on with.

    `sha256`: the file's own, in hexadecimal digits, where it is known: another file is refused at the end.

    Raises Forbidden, MediaError ``empty``, ``too_big``, ``disk_full``, ``quota``, ``own_quota``, ``too_many_uploads``,
    ``too_many_own``, FerError ``store_away``.
    """
    with db.read() as session:
        account_id = access.require_writer(session, actor).id
        analysed = _to_be_analysed(session, account_id)
    if length < 1:
        raise media_error("empty")
    # Of two that start at once, the second sees the first.
    with _BEGINNING:
        _check_limits(db, settings, account_id, length, analysed)
        return _open(settings, Incoming(secrets.token_hex(16), length, owner_of(actor), announced=sha256))


def _open(settings: Settings, made: Incoming) -> Incoming:
    """Lay down the empty file of an upload, and its state."""
    descriptor = os.open(uploads.part_path(settings, made.id), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        SealedWriter(file, open_store(settings).key, made.id.encode())
    write_state(settings, made)
    return made


def _check_limits(db: Database, settings: Settings, account_id: str, length: int, analysed: int) -> None:
    """Raise MediaError where another upload is too much for this account, or for all.

    `analysed`: bytes of the account's files that wait for their analysis.
    """
    states = list(uploads.uploads_dir(settings).glob("*.json"))
    waiting = {path: found for path in states if (found := _read(path)) is not None}
    begun = waiting.values()
    uploads.check_room(settings, length, length + sum(other.length - _offset(settings, other) for other in begun))
    own = [other for other in begun if _account(other) == account_id]
    busy = [
        found
        for path, found in waiting.items()
        if clock.file_age_s(path) < BUSY_S and found.sha256 is None and found.length > SMALL_BYTES
    ]
    own_busy = sum(_account(other) == account_id for other in busy)
    if len(own) >= MOST_FILES or (length > SMALL_BYTES and own_busy >= MOST_OF_ONE):
        raise MediaError("Too many of your uploads are running. Please wait until one is done.", "too_many_own")
    if length > SMALL_BYTES and len(busy) >= MOST_AT_ONCE:
        raise MediaError("Too many uploads are running. Please wait until some are done.", "too_many_uploads")
    taken = length + analysed + sum(other.length for other in own)
    if taken > max(settings.quota_bytes // SHARE_OF_ONE, settings.max_upload_bytes):
        raise MediaError(
            "Your uploads that wait take all the space that one account may take. Please wait until some are analysed.",
            "own_quota",
        )
    uploads.check_quota(db, settings, length + sum(other.length for other in begun))


def _account(upload: Incoming) -> str:
    return upload.owner.partition("/")[0]


def _to_be_analysed(session: Session, account_id: str) -> int:
    """Return the bytes of the account's uploaded files whose analysis is not over."""
    handed_in = select(AuditRow.recording_id).where(
        AuditRow.account_id == account_id, AuditRow.action == AuditAction.RECORDING_ADDED.value
    )
    unfinished = [JobState.QUEUED, JobState.RUNNING, JobState.CHOOSING]
    found = session.scalars(select(Job.sources).where(Job.state.in_(unfinished), Job.recording_id.in_(handed_in)))
    return sum(int(source.get("size", 0)) for sources in found for source in sources)


def need_uploader(db: Database, actor: Actor) -> None:
    """Refuse unless the sign-in or the token lives and the account may upload.

    Raises Forbidden ``signed_out``, ``read_only``.
    """
    with db.read() as session:
        access.require_writer(session, actor)
    if not (tokens.lives(db, actor) if actor.token_id else sessions.lives(db, actor)):
        raise access.refusal("signed_out")


def status(settings: Settings, upload_id: str, owner: str) -> Incoming:
    """Return the state of an upload. Raises FerError ``upload_unknown``, also for one that is somebody else's."""
    try:
        there = uploads.part_path(settings, upload_id).exists()
        found = _read(state_path(settings, upload_id)) if there else None
    except ValueError:
        found = None
    if found is None or not secrets.compare_digest(found.owner.encode(), owner.encode()):
        raise _unknown()
    return replace(found, offset=_offset(settings, found))


def complete(settings: Settings, upload_id: str, display_name: str, owner: str) -> Upload:
    """Inspect a file that is wholly there and put it into the media store; a refused one is deleted.

    Raises FerError ``upload_unknown``, ``upload_unfinished``, ``upload_busy`` while it is handed in already, MediaError
    for what can't be used.
    """
    status(settings, upload_id, owner)
    with _taken(settings, upload_id):
        # The previous holder of the lock may have completed it.
        found = status(settings, upload_id, owner)
        if found.sha256 is None:
            raise _unfinished()
        try:
            upload = uploads.admit(settings, upload_id, display_name, found.sha256, found.length)
        except MediaError:
            delete(settings, upload_id)
            raise
        delete(settings, upload_id)
        return upload


@contextlib.contextmanager
def _taken(settings: Settings, upload_id: str) -> Iterator[None]:
    """Hold an upload against others who would hand it in or write to it. Raises FerError as `complete`."""
    try:
        file = uploads.part_path(settings, upload_id).open("rb")
    except FileNotFoundError:
        raise _unknown() from None
    with file:
        hold(file)
        yield


def hold(file: BinaryIO) -> None:
    """Lock the file of an upload until it is closed. Raises FerError ``upload_busy``."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FerError("Another request is sending or using this file at the moment.", "upload_busy") from None


def is_beginning(settings: Settings, upload: Incoming, sent: int, digest: str) -> bool:
    """Return whether what is there of an upload is the beginning of a file: its first `sent` bytes, and all of them.

    `digest`: of these bytes of the file, as `digest_of` makes it. Raises FerError ``upload_unknown``, ``upload_busy``,
    and SealError.
    """
    with _taken(settings, upload.id):
        found = status(settings, upload.id, upload.owner)
        return found.offset == sent and secrets.compare_digest(digest_of(_there(settings, found)), digest)


def digest_of(chunks: Iterable[bytes]) -> str:
    """Return the SHA-256 of the SHA-256 of each 4 MiB: a browser can make no hash of a large file in one go."""
    whole, block, filled = hashlib.sha256(), hashlib.sha256(), 0
    for chunk in chunks:
        block.update(chunk)
        filled += len(chunk)
        if filled == BLOCK_BYTES:
            whole.update(block.digest())
            block, filled = hashlib.sha256(), 0
    if filled:
        whole.update(block.digest())
    return whole.hexdigest()


def _there(settings: Settings, upload: Incoming) -> Iterator[bytes]:
    """Yield what is there of an upload, in chunks."""
    if upload.sha256 is not None:
        with opened(settings, upload.id, upload.owner) as whole:
            yield from iter(lambda: whole.read(CHUNK_BYTES), b"")
        return
    with uploads.part_path(settings, upload.id).open("rb") as file:
        count = upload.offset // CHUNK_BYTES
        yield from read_unfinished(file, open_store(settings).key, upload.id.encode(), count)


def created(settings: Settings, upload_id: str, owner: str) -> str | None:
    """Return when a wholly uploaded file was recorded, as it says itself (ISO 8601); None where it says nothing.

    Raises FerError ``upload_unknown``.
    """
    if status(settings, upload_id, owner).sha256 is None:
        return None
    try:
        with opened(settings, upload_id, owner) as file:
            return uploads.created(file)
    except MediaError:
        # The refusal is shown when the file is used.
        return None


def opened(settings: Settings, upload_id: str, owner: str) -> BinaryIO:
    """Return the content of a file that is wholly there, to be read without a copy in clear.

    Raises FerError ``upload_unknown``, ``upload_unfinished``.
    """
    if status(settings, upload_id, owner).sha256 is None:
        raise _unfinished()
    sealed = uploads.part_path(settings, upload_id).open("rb")
    return open_sealed(sealed, open_store(settings).key, upload_id.encode())


def _unknown() -> FerError:
    return FerError("This upload does not exist any more. Please choose the file again.", "upload_unknown")


def _unfinished() -> FerError:
    return FerError("The upload of the file is not complete yet. Please wait.", "upload_unfinished")


def cancel(settings: Settings, upload_id: str, owner: str) -> None:
    """Delete an upload that is not complete. Raises FerError ``upload_unknown``."""
    status(settings, upload_id, owner)
    delete(settings, upload_id)


def whole_chunks(upload: Incoming) -> int:
    """Return how many chunks can be there before the last: that one is not kept until the file has ended."""
    return (upload.length - 1) // CHUNK_BYTES


def _offset(settings: Settings, upload: Incoming) -> int:
    if upload.sha256 is not None:
        return upload.length
    try:
        size = uploads.part_path(settings, upload.id).stat().st_size
    except FileNotFoundError:
        return 0
    return min((size - HEADER_BYTES) // RECORD_BYTES, whole_chunks(upload)) * CHUNK_BYTES


def state_path(settings: Settings, upload_id: str) -> Path:
    """Return where the state of an upload lies. Raises ValueError for what is no id."""
    return uploads.part_path(settings, upload_id).with_suffix(".json")


def _read(path: Path) -> Incoming | None:
    try:
        return Incoming(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_state(settings: Settings, upload: Incoming) -> None:
    """Put the state of an upload in the place of the earlier one, safe on the disk."""
    path = state_path(settings, upload.id)
    beside = path.with_name(f"{path.name}{PART}")
    with beside.open("w") as file:
        json.dump({**asdict(upload), "offset": 0}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def delete(settings: Settings, upload_id: str) -> None:
    """Delete an upload and its state, whatever of them is there."""
    for path in (state_path(settings, upload_id), uploads.part_path(settings, upload_id)):
        path.unlink(missing_ok=True)
