"""Archives and reports to download once: written sealed, available over a route for a short time, then deleted."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, cast

from clinic import access, clock
from clinic.access import Actor
from clinic.accounts import sessions
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.exchange.exports import NEEDED, export_patient
from clinic.patients.record_state import state_of
from clinic.settings import Settings
from db.engine import Database
from fer_core.errors import FerError
from storage.media import open_store
from storage.sealed import open_sealed, sealing

RESULTS, FILES = "results", "files"
"""What an archive holds: results alone, or kept videos and pictures too."""
FETCH_WITHIN_S, MADE_BY_WORKER_S = 15 * 60.0, 60 * 60.0
"""What a worker makes may be done when nobody is there."""
READ_BYTES = 256 * 1024
ASKED_EVERY_BYTES = 16 * READ_BYTES
"""After so many bytes the user's rights are checked again."""


class Kind(StrEnum):
    """Kinds of prepared downloads; the value ends the file's name."""

    ARCHIVE = "zip"
    PDF = "pdf"
    HTML = "html"
    FHIR = "json"
    XLSX = "xlsx"
    RESEARCH = "research"
    MOMENTS = "moments"
    VIDEO = "mp4"


BY_WORKER = frozenset({Kind.VIDEO, Kind.PDF, Kind.HTML})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A prepared download: where it lies, its patient, and its length in bytes.

    `with_files`: kept videos and pictures are in it, so that the consent to keep them has to stand too.
    """

    path: Path
    patient_id: str
    kind: Kind
    with_files: bool
    file: BinaryIO
    length: int


def prepare(db: Database, settings: Settings, actor: Actor, patient_id: str) -> str:
    """Write the archive of a patient, sealed, and return the unguessable ticket that fetches it.

    Nobody else may fetch it. Raises what `export_patient` raises.
    """
    with db.read() as session:
        access.require_writer_of_or_console(session, actor, patient_id)
        with_files = consent.missing(session, patient_id, Scope.KEEP_VIDEO) is None
        state = state_of(session, patient_id)

    def write(file: BinaryIO) -> None:
        export_patient(db, settings, actor, patient_id, file)

    return keep(settings, actor.account_id, patient_id, state, Kind.ARCHIVE, write, with_files)


def keep(
    settings: Settings,
    owner: str,
    patient_id: str,
    state: str,
    kind: Kind,
    write: Callable[[BinaryIO], object],
    with_files: bool = False,
) -> str:
    """Seal what `write` writes about a patient and return the ticket for its owner's one download.

    `state`: that of the patient's record before it was read (clinic/patients/record_state.py); `with_files`: as in
    `Waiting`. Raises what `write` raises.
    """
    sweep(settings)
    ticket = secrets.token_hex(16)
    made_of = FILES if with_files else RESULTS
    path = _folder(settings) / f"{ticket}-{patient_id}-{state}-{made_of}.{kind.value}"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            os.fdopen(descriptor, "wb") as file,
            sealing(file, open_store(settings).key, _context(path, owner)) as to,
        ):
            write(cast(BinaryIO, to))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return ticket


def take(db: Database, settings: Settings, actor: Actor, ticket: str) -> Waiting:
    """Open the file of a ticket, which the caller closes; the user's rights and the consent are checked again.

    A file made before an edit or a deletion is refused. Raises Forbidden, ConsentError, FerError
    ``download_unknown``, also for one that is too old or somebody else's, ``download_stale``.
    """
    with db.read() as session:
        account = access.acting(session, actor)
    sweep(settings)
    path = _found(settings, ticket)
    try:
        file = open_sealed(path.open("rb"), open_store(settings).key, _context(path, account.id))
    except (FileNotFoundError, FerError):
        raise _unknown() from None
    _, patient_id, state, made_of = path.stem.split("-")
    kind = Kind(path.suffix.removeprefix("."))
    waiting = Waiting(path, patient_id, kind, made_of == FILES, file, file.seek(0, os.SEEK_END))
    try:
        need_allowed(db, actor, waiting)
        _need_current(db, waiting, state)
    except BaseException:
        file.close()
        raise
    return waiting


def content(db: Database, actor: Actor, waiting: Waiting) -> Iterator[bytes]:
    """Yield an archive's bytes while the user may have them; it is deleted when all were read.

    Raises what `take` raises.
    """
    with waiting.file as file:
        file.seek(0)
        until_asked = ASKED_EVERY_BYTES
        while found := file.read(READ_BYTES):
            yield found
            until_asked -= len(found)
            if until_asked <= 0:
                need_allowed(db, actor, waiting)
                until_asked = ASKED_EVERY_BYTES
    waiting.path.unlink(missing_ok=True)


def need_allowed(db: Database, actor: Actor, waiting: Waiting) -> None:
    """Refuse unless the person is signed in, may export the patient, and the consent to it stands.

    Raises Forbidden, ConsentError, FerError ``unknown_patient``.
    """
    with db.read() as session:
        access.require_writer_of(session, actor, waiting.patient_id)
        consent.need(session, waiting.patient_id, *NEEDED, *((Scope.KEEP_VIDEO,) if waiting.with_files else ()))
    if not sessions.lives(db, actor):
        raise access.refusal("signed_out")


def _need_current(db: Database, waiting: Waiting, state: str) -> None:
    """Delete a file that no longer matches what is stored. Raises FerError ``download_stale``."""
    with db.read() as session:
        if state_of(session, waiting.patient_id) == state:
            return
    waiting.path.unlink(missing_ok=True)
    raise FerError(
        "This patient's record has changed since the file was prepared. Please prepare it again.", "download_stale"
    )


def sweep(settings: Settings, everything: bool = False) -> int:
    """Delete archives that nobody downloaded in time, or all; return how many."""
    folder = _folder(settings)
    waiting = list(folder.iterdir()) if folder.exists() else []
    stale = [path for path in waiting if everything or clock.file_age_s(path) > _within_s(path)]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def drop(settings: Settings, ticket: str) -> None:
    """Delete what was prepared under a ticket that nobody was given."""
    _found(settings, ticket).unlink(missing_ok=True)


def waits(settings: Settings, ticket: str) -> bool:
    """Return whether a ticket's file still exists."""
    try:
        return _found(settings, ticket).exists()
    except FerError:
        return False


def _within_s(path: Path) -> float:
    return MADE_BY_WORKER_S if path.suffix.removeprefix(".") in BY_WORKER else FETCH_WITHIN_S


def _found(settings: Settings, ticket: str) -> Path:
    """Return where a ticket's archive lies. Raises FerError ``download_unknown``."""
    folder = _folder(settings)
    if not re.fullmatch(r"[0-9a-f]{32}", ticket) or not folder.exists():
        raise _unknown()
    # A file of a release before this one doesn't say of which state it is.
    for path in folder.glob(f"{ticket}-*-*-*"):
        return path
    raise _unknown()


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "downloads"


def _context(path: Path, owner: str) -> bytes:
    """Return what the archive is bound to: its ticket, patient and scope, which are its name, and its owner."""
    return f"download {path.name} {owner}".encode()


def _unknown() -> FerError:
    return FerError(
        "This download does not exist any more. Please prepare it again, if it may still be handed out.",
        "download_unknown",
    )
