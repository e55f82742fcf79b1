"""Uploaded files: sealed as they arrive, inspected in a sandbox, kept in the store until they are analysed.

A file has a random id (see storage/media.py). Its own name is display text and never part of a path.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from clinic import access, clock
from clinic.access import Actor
from clinic.recordings import store_mark, stored_files
from clinic.recordings.stored_files import FACE as FACE
from clinic.settings import Settings
from clinic.texts import is_seen
from db.engine import Database
from db.models import new_id
from fer_core.errors import FerError, MediaError, media_error
from fer_core.media.kinds import named_as_video
from fer_core.media.sandbox import inspect_file
from fer_core.media.verdict import FileVerdict
from storage.media import PART, MediaStore, open_store
from storage.sealed import open_sealed, sealing
from storage.wrapping import Key, SealError, rewrap_file

CHUNK_BYTES = 1 << 20
"""Taken from a stream at once."""
NAME_LENGTH = 300
ORPHAN_AGE_S = 24 * 3600.0
"""How long a file without a job, or one kept for a retry, stays."""

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a name loses: control and bidirectional characters, line ends, unassigned code points."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored file. `name` is display text; `size` in bytes; `kind` is ``"image"`` or ``"video"``, by content.

    `warnings` are sentences for the clinician about what of it will not be read. `media_type`: as what browsers play
    it, None where they don't. `created`: when it was recorded, as is written in it (ISO 8601), or None.
    `begins_s`: where in the file its first picture stands, in seconds.
    """

    id: str
    name: str
    sha256: str
    size: int
    kind: str
    warnings: tuple[str, ...] = ()
    media_type: str | None = None
    created: str | None = None
    begins_s: float = 0.0

    def as_source(self) -> dict[str, Any]:
        """Return what a job keeps of the upload."""
        kept = ("id", "name", "sha256", "size", "kind", "media_type", "begins_s")
        return {name: getattr(self, name) for name in kept}


def store(db: Database, settings: Settings, actor: Actor, stream: BinaryIO, display_name: str) -> Upload:
    """Seal `stream`, inspect it in a sandbox and put it into the media store; on any refusal nothing stays.

    Raises Forbidden, MediaError: ``empty``, ``too_big``, ``disk_full``, or what the inspection says of the content.
    """
    with db.read() as session:
        access.require_writer_or_console(session, actor)
    return take_in(settings, stream, display_name, new_id())


def take_in(settings: Settings, stream: BinaryIO, display_name: str, upload_id: str) -> Upload:
    """Do what `store` does under a given id, for a user whose right was checked before."""
    media = open_store(settings)
    path = part_path(settings, upload_id)
    try:
        sha256, size = _write(settings, stream, path, media)
        return admit(settings, upload_id, display_name, sha256, size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def put(settings: Settings, file: Path, upload_id: str) -> None:
    """Seal a file of the program's own and put it into the media store under an id; a person's goes through `store`."""
    media, path = open_store(settings), part_path(settings, upload_id)
    try:
        with file.open("rb") as stream, path.open("xb") as target, sealing(target, media.key, upload_id.encode()) as to:
            shutil.copyfileobj(stream, to, CHUNK_BYTES)
        media.adopt(path, upload_id)
    finally:
        path.unlink(missing_ok=True)


def admit(settings: Settings, upload_id: str, display_name: str, sha256: str, size: int) -> Upload:
    """Inspect a file that is sealed whole at `part_path` and put it into the media store.

    Raises MediaError for what can't be used; the file is then still where it was.
    """
    media = open_store(settings)
    path = part_path(settings, upload_id)
    with open_sealed(path.open("rb"), media.key, upload_id.encode()) as file:
        found = _inspect(file, display_name)
    media.adopt(path, upload_id)
    name = clean_name(display_name)
    what = (found.kind, found.warnings, found.media_type, found.created, found.begins_s)
    return Upload(upload_id, name, sha256, size, *what)


@dataclass(frozen=True, slots=True)
class StoredPlace:
    """Where a stored file lies, as it is sent to another machine: without the master key, which that machine has."""

    data_dir: Path
    media_url: str
    key_dir: Path
    upload_id: str


class StoredFile(io.BufferedReader):
    """The content of a stored file, to read and to seek in; it knows where it lies."""

    def __init__(self, raw: io.RawIOBase, place: StoredPlace) -> None:
        super().__init__(raw)
        self.place = place


def open_stored(settings: Settings, upload_id: str) -> BinaryIO:
    """Return the content of a stored file as a `StoredFile`. Raises FerError ``upload_gone`` and SealError."""
    place = StoredPlace(settings.data_dir, settings.media_url, settings.key_dir, upload_id)
    raw = cast(io.BufferedReader, open_store(settings).open(upload_id)).detach()
    return cast(BinaryIO, StoredFile(raw, place))


def open_place(place: StoredPlace) -> BinaryIO:
    """Open a stored file on another machine, with the key that is there. Raises what `open_stored` raises."""
    key = Settings.from_environment(make=False).master_key
    here = replace(Settings.at(place.data_dir), media_url=place.media_url, key_dir=place.key_dir, master_key=key)
    return open_stored(here, place.upload_id)


def stored(settings: Settings, upload_ids: Iterable[str]) -> bool:
    """Return whether all of these files are in the store."""
    media = open_store(settings)
    return all(media.exists(upload_id) for upload_id in upload_ids)


def created(file: BinaryIO) -> str | None:
    """Return when an open file was recorded, as is written in it (ISO 8601); None where it says nothing."""
    try:
        return inspect_file(file).created
    except MediaError:
        # The refusal is shown when the file is used.
        return None


def discard(settings: Settings, upload_ids: Iterable[str]) -> None:
    """Delete stored files; one that is gone already is no error."""
    media = open_store(settings)
    for upload_id in upload_ids:
        media.delete(upload_id)


def clean_name(name: str) -> str:
    """Return a file's name as display text: the last part of its path, composed, without what can't be seen, cut."""
    seen = "".join(char for char in unicodedata.normalize("NFC", name) if unicodedata.category(char) not in UNSEEN)
    last = re.split(r"[/\\]", seen)[-1].strip()
    if re.fullmatch(r"[A-Za-z]:.*", last):
        last = last[2:].strip()
    return last[:NAME_LENGTH].strip() if is_seen(last.strip(". ")) else "unnamed file"


def part_path(settings: Settings, upload_id: str) -> Path:
    """Return where a file grows, sealed, until it is whole. Raises ValueError for what is no id."""
    if not re.fullmatch(r"[0-9a-f]{32}", upload_id):
        raise ValueError("not an upload's id")
    return uploads_dir(settings) / f"{upload_id}{PART}"


def uploads_dir(settings: Settings) -> Path:
    """Return the folder of the files that are not whole yet, made if need be, for this user alone (0700)."""
    folder = settings.data_dir / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def rewrap(settings: Settings, old: Key, new: Key) -> Iterator[bool]:
    """Make `new` open all files in place of `old`, unfinished ones too; yield for each whether either key opens it.

    To be called while nothing else uses them.
    """
    for part in sorted(uploads_dir(settings).glob(f"*{PART}")):
        yield _is_opened(partial(rewrap_file, part, old, new, part.name.removesuffix(PART).encode()))
    media = MediaStore.at(settings, new)
    for file in [found for found in media.files() if found.whole]:
        yield _is_opened(partial(media.rewrap, file.id, old, uploads_dir(settings)))


def _is_opened(rewrapping: Callable[[], object]) -> bool:
    try:
        rewrapping()
    except SealError:
        return False
    return True


def sweep(settings: Settings, db: Database, older_than_s: float = ORPHAN_AGE_S) -> int:
    """Delete files that no job needs and that are not to be kept; return how many went.

    Those that were analysed go at once: a worker that was killed between its result and its files left them. Others
    may belong to what is being added, or to an analysis that is tried again, and go when older than `older_than_s`.
    Raises FerError ``store_away`` where the store is not the clinic's, or lacks all that should be in it.
    """
    # The files are listed before the jobs are: one that is stored in between is not on the list.
    media, limit = open_store(settings), clock.now() - timedelta(seconds=older_than_s)
    found = list(media.files())
    unfinished = [path for path in uploads_dir(settings).iterdir() if clock.file_age_s(path) > older_than_s]
    for path in unfinished:
        path.unlink(missing_ok=True)
    if not found:
        return len(unfinished)
    with db.read() as session:
        analysed, needed = stored_files.analysed(session), stored_files.needed(session, settings)
        named, there = stored_files.expected(session, settings), {file.id for file in found}
        mark = store_mark.look(settings, media, store_mark.own_id(session))
        if stored_files.not_its_own(mark, named, there) or stored_files.are_all_missing(named, there):
            raise FerError("it is not this clinic's, or its disk or share is not mounted", stored_files.CODE_AWAY)
        stored_files.mark_store(session, settings, media, there)
    needless = [file for file in found if not (file.whole and file.id in needed)]
    stale = [file.id for file in needless if file.modified < limit or file.id in analysed]
    discard(settings, stale)
    return len(stale) + len(unfinished)


def _write(settings: Settings, stream: BinaryIO, path: Path, media: MediaStore) -> tuple[str, int]:
    """Seal `stream` at `path`, watching size and free space; return the content's SHA-256 and size in bytes."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        with sealing(target, media.key, path.name.removesuffix(PART).encode()) as sealed:
            while chunk := stream.read(CHUNK_BYTES):
                size += len(chunk)
                check_room(settings, size, len(chunk))
                digest.update(chunk)
                sealed.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if size == 0:
        raise media_error("empty")
    return digest.hexdigest(), size


def check_room(settings: Settings, size: int, coming: int) -> None:
    """Raise MediaError if a file of `size` bytes is over the limit, or `coming` more would fill the disk."""
    if size > settings.max_upload_bytes:
        limit = settings.max_upload_bytes / 1e9
        raise MediaError(f"The file is larger than {limit:.3g} GB, the most that is accepted.", "too_big")
    if shutil.disk_usage(settings.data_dir).free - coming < settings.min_free_bytes:
        raise no_room()


def no_room() -> MediaError:
    """Return the refusal of a file for which the disk has no room."""
    return MediaError(
        "The disk of this installation has too little free space for this file. What has arrived of it stays. Please"
        " tell the person who looks after this computer, and try again when there is room.",
        "disk_full",
    )


def check_quota(db: Database, settings: Settings, coming: int) -> None:
    """Raise MediaError ``quota`` if `coming` bytes more would be over what all files together may take.

    Raises FerError ``store_away`` where the store itself is not there: a file would go to another disk.
    """
    with db.read() as session:
        stored_files.need_store(session, settings)
    if sum(file.size for file in open_store(settings).files()) + coming > settings.quota_bytes:
        raise MediaError(
            "The uploads that wait for their analysis take all the space reserved for them. Please wait until some"
            " are done.",
            "quota",
        )


def _inspect(file: BinaryIO, display_name: str) -> FileVerdict:
    """Return the sandbox's inspection of the file's content. Raises MediaError for what can't be used."""
    try:
        return inspect_file(file)
    except MediaError as error:
        # The stored file has no name that says what it claims to be.
        if error.code == "unknown_type" and named_as_video(display_name):
            raise media_error("not_a_video") from None
        raise
