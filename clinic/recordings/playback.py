"""Playing a kept video: only for users who see the patient, while the consent to keep it is valid, and logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit
from clinic.access import Actor
from clinic.accounts import sessions
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients.states import ENDED_WELL
from clinic.recordings import stored_files, uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import AuditRow, Job, RecordingKind
from fer_core.errors import FerError
from fer_core.media.passage import PLAYED
from storage.sealed import CHUNK_BYTES

CHECKED_EVERY_BYTES = 16 * CHUNK_BYTES
"""How often one response checks again whether the user may continue to watch."""
MEDIA_TYPES = frozenset(media_type for *_, media_type in PLAYED)
BYTES_UNIT = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class RangeError(FerError):
    """A part of a video that lies behind its end; `size` is the whole video's, in bytes."""

    code = "no_such_range"

    def __init__(self, size: int) -> None:
        super().__init__("The video is shorter than that.")
        self.size = size


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording's kept video: the id of its file, and as what browsers play it (None: not at all).

    `begins_s`: where in the file its first picture stands, from which the recording's own times count.
    """

    upload_id: str
    media_type: str | None
    begins_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last` (with it) of a video of `size` bytes; `whole` where no part was asked for."""

    file: BinaryIO
    media_type: str
    first: int
    last: int
    size: int
    whole: bool

    @property
    def length(self) -> int:
        """How many bytes these are."""
        return self.last - self.first + 1


def kept(db: Database, settings: Settings, actor: Actor, recording_id: str) -> Kept | None:
    """Return the recording's video, None where none is kept.

    Raises Forbidden, ConsentError, FerError ``store_away`` where the media store is not there.
    """
    with db.read() as session:
        return _kept(session, settings, actor, recording_id)


def open_part(
    db: Database, settings: Settings, actor: Actor, recording_id: str, wanted: str | None = None
) -> ByteRange:
    """Return a part of a kept video, to be closed by the caller; `wanted` is HTTP's Range header.

    Only the sealed chunks that are read are opened. Raises Forbidden, ConsentError, RangeError, FerError
    ``unknown_recording``, ``no_video`` where none is kept or browsers don't play it, ``store_away``, SealError.
    """
    found = kept(db, settings, actor, recording_id)
    if found is None or found.media_type is None:
        raise FerError("No playable video of this recording is kept.", "no_video")
    file = uploads.open_stored(settings, found.upload_id)
    try:
        size = file.seek(0, 2)
        first, last, whole = _range(wanted, size)
    except BaseException:
        file.close()
        raise
    return ByteRange(file, found.media_type, first, last, size, whole)


def content(db: Database, settings: Settings, actor: Actor, recording_id: str, part: ByteRange) -> Iterator[bytes]:
    """Yield the bytes of a part while the user may watch, and close its file."""
    with part.file as file:
        file.seek(part.first)
        left = part.length
        until_asked = CHECKED_EVERY_BYTES
        while left and (read := file.read(min(left, CHUNK_BYTES))):
            yield read
            left -= len(read)
            until_asked -= len(read)
            if left and until_asked <= 0:
                kept(db, settings, actor, recording_id)
                if not sessions.lives(db, actor):
                    raise access.refusal("signed_out")
                until_asked = CHECKED_EVERY_BYTES


def note_view(db: Database, settings: Settings, actor: Actor, recording_id: str) -> None:
    """Log that the user watches this recording, once for each sign-in.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``.
    """
    with db.read() as session:
        if not _unnoted(session, settings, actor, recording_id):
            return
    with db.session() as session:
        if _unnoted(session, settings, actor, recording_id):
            patient_id, by = access.recording_of(session, recording_id).patient_id, actor.sign_in_id
            audit.write(session, AuditAction.VIDEO_VIEWED, actor.account_id, patient_id, recording_id, sign_in=by)


def _kept(session: Session, settings: Settings, actor: Actor, recording_id: str) -> Kept | None:
    recording = access.recording_of(session, recording_id)
    access.require_reader_of(session, actor, recording.patient_id)
    consent.need(session, recording.patient_id, Scope.KEEP_VIDEO)
    job = session.scalar(select(Job).where(Job.recording_id == recording_id))
    if recording.kind != RecordingKind.VIDEO or job is None or job.state not in ENDED_WELL:
        return None
    source: dict[str, Any] = job.sources[0] if job.sources else {}
    if not source:
        return None
    ids = [source["id"]]
    # Where no file is kept, a missing one raises no question.
    if not (stored_files.are_there(session, settings, ids) if settings.keep_files else uploads.stored(settings, ids)):
        return None
    media_type = source.get("media_type")
    return Kept(source["id"], media_type if media_type in MEDIA_TYPES else None, source.get("begins_s", 0.0))


def _unnoted(session: Session, settings: Settings, actor: Actor, recording_id: str) -> bool:
    """Return whether there is a view to be written down: the first of this recording by this sign-in."""
    if _kept(session, settings, actor, recording_id) is None:
        return False
    rows = session.scalars(
        select(AuditRow.details).where(
            AuditRow.recording_id == recording_id,
            AuditRow.account_id == actor.account_id,
            AuditRow.action == AuditAction.VIDEO_VIEWED.value,
        )
    )
    return all(details.get("sign_in") != actor.sign_in_id for details in rows)


def _range(wanted: str | None, size: int) -> tuple[int, int, bool]:
    """Return the first and the last byte that a Range header asks for, and whether that is simply everything.

    Several ranges at once, another unit, and what is malformed are answered with everything (RFC 9110, section 14.2).
    Raises RangeError.
    """
    matched = BYTES_UNIT.fullmatch(wanted or "")
    first, last = matched.groups() if matched else ("", "")
    if not (first or last) or (first and last and int(first) > int(last)):
        return 0, size - 1, True
    if not first:
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(int(last or size), size - 1)
    if begin >= size or begin > end:
        raise RangeError(size)
    return begin, end, False
