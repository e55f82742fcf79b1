"""Whose a media store is: its clinic's id lies in it, and the data folder remembers that it was put there.

So the empty folder below a disk that is not mounted is not taken for the store, also while nothing waits in it.
"""

from __future__ import annotations

import hashlib
import logging
from enum import Enum, auto
from pathlib import Path

from sqlalchemy.orm import Session

from clinic.settings import Settings
from db.models import Installation
from storage.media import MediaStore

log = logging.getLogger(__name__)


class Mark(Enum):
    """What is known of a store: it is this clinic's, has no mark yet, lost the one that it had, or is another's."""

    OWN = auto()
    NONE = auto()
    MISSING = auto()
    OTHERS = auto()


def note_path(settings: Settings) -> Path:
    """Return where the data folder remembers which store was marked for which clinic."""
    return settings.data_dir / "media-store.mark"


def own_id(session: Session) -> str | None:
    """Return the clinic's id, None before its first start and in the demonstration."""
    row = session.get(Installation, Installation.ONLY)
    return None if row is None else row.clinic_id


def look(settings: Settings, media: MediaStore, clinic_id: str | None) -> Mark:
    """Return whose the store is. Raises whatever its file system raises."""
    if clinic_id is None:
        return Mark.NONE
    found = media.clinic_id()
    if found is not None:
        return Mark.OWN if found == clinic_id else Mark.OTHERS
    return Mark.MISSING if _noted(settings) == _note(settings, clinic_id) else Mark.NONE


def is_put(settings: Settings, media: MediaStore, clinic_id: str | None) -> bool:
    """Return whether nothing is left to be marked. Raises whatever the store's file system raises."""
    return clinic_id is None or (media.clinic_id() == clinic_id and _noted(settings) == _note(settings, clinic_id))


def put(settings: Settings, media: MediaStore, clinic_id: str | None) -> None:
    """Mark the store as this clinic's, and remember it; another clinic's mark stays.

    It only serves to recognise the store: one that takes no mark keeps no clinic from working.
    """
    if clinic_id is None:
        return
    try:
        if media.clinic_id() is None:
            media.mark(clinic_id, settings.data_dir)
        if media.clinic_id() == clinic_id:
            note_path(settings).write_text(_note(settings, clinic_id))
    except Exception as error:  # noqa: BLE001 any file system may be behind the URL, with errors of its own
        log.warning("the media store can't be marked: %s", type(error).__name__)


def forget(settings: Settings) -> None:
    """Let any store be the clinic's again: the next file marks it."""
    note_path(settings).unlink(missing_ok=True)


def _note(settings: Settings, clinic_id: str) -> str:
    # An address may hold a password.
    return f"{clinic_id} {hashlib.sha256(settings.media_url.encode()).hexdigest()}"


def _noted(settings: Settings) -> str | None:
    try:
        return note_path(settings).read_text(errors="replace").strip()
    except OSError:
        return None
