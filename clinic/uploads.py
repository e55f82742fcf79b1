"""Files that were handed in: written to disk piece by piece, inspected in a sandbox, removed when they have served.

A file lies under a random id in ``data_dir/uploads`` (0600). Its own name is display text and never part of a path.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select

from clinic import access
from clinic.access import Actor
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, JobState, new_id
from fer_core.errors import MediaError, media_error
from fer_core.sandbox import FileVerdict, inspect_file

CHUNK_BYTES = 1 << 20
NAME_LENGTH = 300
ORPHAN_AGE_S = 24 * 3600.0
"""How long a file without a job, or one kept for another try after a failure, stays."""

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".3gp", ".ts", ".flv")
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a name loses: control and bidirectional characters, line ends, unassigned code points."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored file. `name` is display text; `size` in bytes; `kind` is ``"image"`` or ``"video"``, by content.

    `warnings` are sentences for the clinician about what of it will not be read.
    """

    id: str
    path: Path
    name: str
    sha256: str
    size: int
    kind: str
    warnings: tuple[str, ...] = ()

    def as_source(self) -> dict[str, Any]:
        """Return what a job keeps of the upload."""
        return {"id": self.id, "name": self.name, "sha256": self.sha256, "size": self.size, "kind": self.kind}


def store(db: Database, settings: Settings, actor: Actor, stream: BinaryIO, display_name: str) -> Upload:
    """Write `stream` to disk, inspect it in a sandbox and return where it lies; on any refusal nothing stays.

    Raises Forbidden, MediaError: ``empty``, ``too_big``, ``disk_full``, or what the inspection says of the content.
    """
    with db.read() as session:
        access.writer(session, actor)
    upload_id = new_id()
    path = uploads_dir(settings) / upload_id
    try:
        sha256, size = _write(settings, stream, path)
        found = _inspect(path, display_name)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Upload(upload_id, path, clean_name(display_name), sha256, size, found.kind, found.warnings)


def discard(settings: Settings, upload_ids: Iterable[str]) -> None:
    """Delete stored files; one that is gone already is no error."""
    for upload_id in upload_ids:
        upload_path(settings, upload_id).unlink(missing_ok=True)


def clean_name(name: str) -> str:
    """Return a file's name as display text: the last part of its path, without control and bidi characters, cut."""
    seen = "".join(char for char in name if unicodedata.category(char) not in UNSEEN)
    last = re.split(r"[/\\]", seen)[-1].strip()
    if re.fullmatch(r"[A-Za-z]:.*", last):
        last = last[2:].strip()
    return last[:NAME_LENGTH].strip() if last.strip(". ") else "unnamed file"


def upload_path(settings: Settings, upload_id: str) -> Path:
    """Return where the upload lies. Raises ValueError for what is no id, so that no path can be smuggled in."""
    if not re.fullmatch(r"[0-9a-f]{32}", upload_id):
        raise ValueError("not an upload's id")
    return uploads_dir(settings) / upload_id


def uploads_dir(settings: Settings) -> Path:
    """Return the folder of the uploads, made if need be, for this user alone (0700)."""
    folder = settings.data_dir / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def sweep(settings: Settings, db: Database, older_than_s: float = ORPHAN_AGE_S) -> int:
    """Delete files older than `older_than_s` that no job needs and that are not to be kept; return how many went."""
    # The folder is listed before the jobs are: a file stored in between is not on the list.
    found = [path for path in uploads_dir(settings).iterdir() if _age_s(path) > older_than_s]
    if not found:
        return 0
    needed = _needed(db, settings.keep_files)
    stale = [path for path in found if path.name not in needed]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _needed(db: Database, keep_files: bool) -> set[str]:
    """Return the ids that a job has yet to read; with `keep_files` also those that one has read to the end."""
    states = [JobState.QUEUED, JobState.RUNNING]
    if keep_files:
        states += [JobState.CHOOSING, JobState.DONE, JobState.PARTIAL]
    with db.read() as session:
        waiting = session.scalars(select(Job.sources).where(Job.state.in_([state.value for state in states])))
        return {source["id"] for sources in waiting for source in sources}


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _write(settings: Settings, stream: BinaryIO, path: Path) -> tuple[str, int]:
    """Copy `stream` to `path`, watching size and free space; return the SHA-256 and the size in bytes."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            _check_room(settings, size, len(chunk), path.parent)
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if size == 0:
        raise media_error("empty")
    return digest.hexdigest(), size


def _check_room(settings: Settings, size: int, chunk: int, folder: Path) -> None:
    """Raise MediaError if the file has grown over the limit, or the disk would get too full."""
    if size > settings.max_upload_bytes:
        limit = settings.max_upload_bytes / 1e9
        raise MediaError(f"The file is larger than {limit:.3g} GB, the most that is accepted.", "too_big")
    if shutil.disk_usage(folder).free - chunk < settings.min_free_bytes:
        raise MediaError("There is too little free space on the disk for this file.", "disk_full")


def _inspect(path: Path, display_name: str) -> FileVerdict:
    """Return what the sandbox says of the file's content. Raises MediaError for what can't be used."""
    try:
        return inspect_file(path)
    except MediaError as error:
        # The stored file has no name that says what it claims to be.
        if error.code == "unknown_type" and display_name.lower().endswith(VIDEO_SUFFIXES):
            raise media_error("not_a_video") from None
        raise
