"""Whether the media store answers, and whether the clinic's master key opens what lies in it."""

from __future__ import annotations

import os
from pathlib import Path

from clinic.admin import keyring
from clinic.admin.findings import Finding, Level
from clinic.phrases import counted
from clinic.settings import Settings
from fer_core.errors import FerError
from storage import keys
from storage.media import MediaStore
from storage.sealed import Key

NAME = "media store"


def filled(settings: Settings) -> bool:
    """Return whether anything lies in the store."""
    return any(MediaStore.at(settings, Key(b"", b"")).files())


def check(settings: Settings, known: str | None) -> Finding:
    """Return what is found; `known`: the fingerprint of the clinic's key, None where the database names none."""
    remedy = "Check FER_MEDIA_URL, its package and its credentials."
    try:
        count = sum(1 for _ in MediaStore.at(settings, Key(b"", b"")).files())
        # In the middle of a change of the key either opens some; the master key's own line says so.
        changing = keys.next_path(settings).exists()
        closed = 0 if known is None or changing else keyring.closed_files(settings, known)
    except FerError as error:
        return Finding(NAME, Level.REFUSED, error.message, remedy)
    except Exception as error:  # noqa: BLE001 any file system may be behind the URL, with errors of its own
        return Finding(NAME, Level.REFUSED, f"The media store can't be reached ({type(error).__name__}).", remedy)
    local = Path(settings.media_url)
    if "://" not in settings.media_url and local.exists() and cannot_write(local):
        said = f"Nothing can be written to {settings.media_url}."
        return Finding(NAME, Level.BROKEN, said, "Check who owns it, and the mount.")
    if closed:
        return Finding(
            NAME,
            Level.WARNING,
            f"Of {counted(count, 'file')} in the media store, {closed} can't be opened: another master key sealed them,"
            " or they are damaged.",
            "`rotate-key --old-key-file FILE` with the key of that time opens them again. If it is lost for good,"
            " upload those recordings again.",
        )
    return Finding(NAME, Level.OK, f"The media store answers; {count} files lie in it.")


def cannot_write(folder: Path) -> bool:
    """Return whether this account can't write to a folder, asked without writing."""
    read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return read_only or not os.access(folder, os.W_OK | os.X_OK)
