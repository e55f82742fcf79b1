"""Archives and reports to be fetched once: written sealed, handed out over a route for a short time, then gone."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, cast

from clinic import access, clock
from clinic.access import Actor
from clinic.exchange.exports import export_patient
from clinic.settings import Settings
from db.engine import Database
from fer_core.errors import FerError
from storage.media import open_store
from storage.sealed import open_sealed, sealing

FETCH_WITHIN_S = 15 * 60.0
READ_BYTES = 256 * 1024


class Kind(StrEnum):
    """What waits to be fetched; the value ends its file's name."""

    ARCHIVE = "zip"
    PDF = "pdf"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits: its length in bytes and its content, after whose end it is gone."""

    kind: Kind
    length: int
    content: Iterator[bytes]


def prepare(db: Database, settings: Settings, actor: Actor, patient_id: str) -> str:
    """Write the archive of a patient, sealed, and return the unguessable ticket that fetches it.

    Nobody else may fetch it. Raises what `export_patient` raises.
    """
    with db.read() as session:
        access.require_writer_of_or_console(session, actor, patient_id)

    def write(file: BinaryIO) -> None:
        export_patient(db, settings, actor, patient_id, file)

    return keep(settings, actor.account_id, Kind.ARCHIVE, write)


def keep(settings: Settings, owner: str, kind: Kind, write: Callable[[BinaryIO], object]) -> str:
    """Seal what `write` writes and return the ticket by which its owner fetches it once. Raises what `write` raises."""
    sweep(settings)
    ticket = secrets.token_hex(16)
    path = _path(settings, ticket, kind)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            os.fdopen(descriptor, "wb") as file,
            sealing(file, open_store(settings).key, _context(ticket, owner)) as to,
        ):
            write(cast(BinaryIO, to))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return ticket


def take(settings: Settings, ticket: str, owner: str) -> Waiting:
    """Return what waits under a ticket; it is gone when that was read to its end.

    Raises FerError ``download_unknown``, also for one that is too old or somebody else's.
    """
    sweep(settings)
    for kind in Kind:
        with suppress(FileNotFoundError, ValueError, FerError):
            path = _path(settings, ticket, kind)
            file = open_sealed(path.open("rb"), open_store(settings).key, _context(ticket, owner))
            return Waiting(kind, file.seek(0, os.SEEK_END), _content(file, path))
    raise FerError("This download is no longer there. Please prepare it again.", "download_unknown")


def sweep(settings: Settings, everything: bool = False) -> int:
    """Delete archives that nobody fetched in time, or all that wait; return how many."""
    folder = settings.data_dir / "downloads"
    waiting = list(folder.iterdir()) if folder.exists() else []
    stale = [path for path in waiting if everything or clock.file_age_s(path) > FETCH_WITHIN_S]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _content(file: BinaryIO, path: Path) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while found := file.read(READ_BYTES):
            yield found
    path.unlink(missing_ok=True)


def _path(settings: Settings, ticket: str, kind: Kind) -> Path:
    if not re.fullmatch(r"[0-9a-f]{32}", ticket):
        raise ValueError("not a ticket")
    return settings.data_dir / "downloads" / f"{ticket}.{kind.value}"


def _context(ticket: str, owner: str) -> bytes:
    """Return what the archive is bound to: another person's ticket doesn't open it."""
    return f"download {ticket} {owner}".encode()
