"""Whose a key folder is: its clinic's id lies in it, so that a second clinic does not share it unnoticed.

Where two share one, a change of the key by the one leaves the other without its key.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access
from clinic.settings import Settings
from db.copies import sync_folder
from db.engine import Database
from db.models import Account, Installation, Patient, new_id
from db.probe import probe
from fer_core.errors import FerError
from storage.keys import first_text


def path_of(settings: Settings) -> Path:
    """Return where the clinic's id lies."""
    return settings.key_dir / "clinic.id"


def refusal(settings: Settings, clinic_id: str | None, begun: bool) -> FerError | None:
    """Return why this clinic may not use its key folder, None where nothing is known against it.

    `clinic_id`: what the database holds; `begun`: whether it holds a clinic. One of before there were ids takes the
    folder's for its own.
    """
    marked = _read(settings)
    if settings.demo or marked is None or marked == clinic_id or (begun and clinic_id is None):
        return None
    return _shared(settings) if begun else _taken(settings)


def refuse_taken(settings: Settings) -> None:
    """Refuse a database without a clinic beside another's key folder; writes nothing. Raises FerError ``key_folder``.

    Raises what `probe` raises, too.
    """
    try:
        begun = probe(settings.database_url).begun
    except FerError as error:
        if error.code != "no_tables":
            raise
        begun = False
    taken = None if begun else refusal(settings, None, begun=False)
    if taken is not None:
        raise taken


def refuse_other_clinic(settings: Settings, copy: Path) -> None:
    """Refuse the database of another clinic than the key folder's. Raises FerError ``other_clinic``."""
    found = probe(f"sqlite:///{copy.absolute()}")
    if refusal(settings, found.clinic_id, begun=True) is not None:
        raise FerError(
            f"This is the backup of another clinic than the one of the key folder {settings.key_dir}; nothing was"
            " changed. Please bring back that clinic's own key folder first, or name it with FER_KEY_DIR, and a data"
            " folder of its own with FER_DATA_DIR.",
            "other_clinic",
        )


def require_own(db: Database, settings: Settings) -> None:
    """Refuse to work with another clinic's key folder. Raises FerError ``key_folder``."""
    # A process that starts at the same time marks the folder after the database: asked again, that one knows the mark.
    found = _refused_now(db, settings) and _refused_now(db, settings)
    if found is not None:
        raise found


def _refused_now(db: Database, settings: Settings) -> FerError | None:
    with db.read() as session:
        row = session.get(Installation, Installation.ONLY)
        return refusal(settings, row.clinic_id if row else None, _begun(session, row))


def mark(db: Database, settings: Settings) -> None:
    """Give the clinic an id, and its key folder the same, where they have none."""
    if settings.demo:
        return
    with db.read() as session:
        row = session.get(Installation, Installation.ONLY)
        own = row.clinic_id if row is not None else None
    marked = _read(settings)
    if own is None:
        with db.session() as session:
            row = access.installation(session)
            own = row.clinic_id = row.clinic_id or marked or new_id()
    # After the database: a folder with an id that no database holds would be refused.
    if marked is None:
        _write(path_of(settings), own)


def _begun(session: Session, row: Installation | None) -> bool:
    """Return whether a database holds a clinic: version 0.1.0 stored no fingerprint of its key."""
    people = (select(Account.id).limit(1), select(Patient.id).limit(1))
    return (row is not None and row.key_id is not None) or any(session.scalar(one) is not None for one in people)


def _read(settings: Settings) -> str | None:
    try:
        return first_text(path_of(settings)).strip() or None
    except (OSError, ValueError):
        return None


def _write(path: Path, clinic_id: str) -> None:
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    # It only serves a warning: a folder that takes no file keeps no clinic from working.
    with suppress(OSError):
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{clinic_id}\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
            sync_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)


def _taken(settings: Settings) -> FerError:
    return FerError(
        f"The key folder {settings.key_dir} belongs to a clinic, and the database that is named is empty. If that"
        " clinic is meant, please check FER_DATA_DIR and FER_DATABASE_URL, or restore its backup (`restore FILE`). For"
        f" a new clinic, name another folder with FER_KEY_DIR; if the old one is gone for good, delete"
        f" {path_of(settings)}.",
        "key_folder",
    )


def _shared(settings: Settings) -> FerError:
    return FerError(
        f"{path_of(settings)} names another clinic, which would lose its key when this one changes it. If both use this"
        " folder, please copy it for one of them, delete clinic.id in the copy, and name the copy with FER_KEY_DIR. If"
        " the other clinic is gone for good, delete the file here.",
        "key_folder",
    )
