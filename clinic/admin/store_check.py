"""Whether the media store answers, holds what the database refers to, and the clinic's master key opens it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from clinic.admin import keyring, setting_checks
from clinic.admin.findings import Finding, Level
from clinic.admin.folder_checks import cannot_write, existing
from clinic.admin.process_checks import NOT_THERE
from clinic.phrases import counted
from clinic.recordings import store_mark, stored_files
from clinic.recordings.store_mark import Mark
from clinic.recordings.stored_files import Expected
from clinic.settings import Settings
from db.probe import Probe, reading
from fer_core.errors import FerError
from storage import keys
from storage.media import MARK, store_without_key

NAME = "media store"
REMEDIES = {
    Mark.OTHERS: f"{NOT_THERE} If that clinic is gone for good, delete the file {MARK} in it.",
    Mark.MISSING: f"{NOT_THERE} If it is a new one, or the old one is lost for good: `lost-files --accept`.",
}


def filled(settings: Settings) -> bool:
    """Return whether anything lies in the store."""
    return any(store_without_key(settings).files())


def require_address(settings: Settings) -> None:
    """Refuse a store's address that can't be used, before the work begins. Raises as `file_system` does."""
    store_without_key(settings)


def local(settings: Settings) -> Path | None:
    """Return the store's folder, None where it is none of this computer, or of no use."""
    try:
        return store_without_key(settings).folder
    except FerError:
        return None


def _expected(settings: Settings, database: Probe | FerError) -> Expected:
    """Return which files should lie there; nothing of a database that can't be asked, or has other tables."""
    if not isinstance(database, Probe) or not database.current:
        return Expected()
    with reading(settings.database_url) as connection, Session(connection) as session:
        return stored_files.expected(session, settings)


def check(settings: Settings, database: Probe | FerError) -> Finding:
    """Return what is found; `database`: its answer, with the fingerprint of the clinic's key and the tables."""
    remedy = "Check FER_MEDIA_URL, its package and its credentials."
    known = database.key_id if isinstance(database, Probe) else None
    before = _expected(settings, database)
    try:
        media = store_without_key(settings)
        there = list(media.files())
        mark = store_mark.look(settings, media, database.clinic_id if isinstance(database, Probe) else None)
        # In the middle of a change of the key either opens some; the master key's own line says so.
        changing = keys.next_path(settings).exists()
        closed = 0 if known is None or changing else keyring.closed_files(settings, known)
    except FerError as error:
        return Finding(NAME, Level.REFUSED, error.message, remedy)
    except Exception as error:  # noqa: BLE001 any file system may be behind the URL, with errors of its own
        return Finding(NAME, Level.REFUSED, f"The media store can't be reached ({type(error).__name__}).", remedy)
    if (refusal := _not_writable(settings, media.folder)) is not None:
        return Finding(NAME, Level.BROKEN, *refusal)
    whole = {file.id for file in there if file.whole}
    if (other := stored_files.not_its_own(mark, before, whole)) is not None:
        return Finding(NAME, Level.BROKEN, other, REMEDIES[mark])
    if (gone := stored_files.missing(before, whole, _expected(settings, database))) is not None:
        return Finding(NAME, Level.BROKEN, gone, NOT_THERE)
    if closed:
        return Finding(
            NAME,
            Level.WARNING,
            f"Of {counted(len(there), 'file')} in the media store, {closed} can't be opened: another master key sealed"
            " them, or they are damaged.",
            "`rotate-key --old-key-file FILE` with the key of that time opens them again. If it is lost for good,"
            " upload those recordings again.",
        )
    if media.folder is not None and not media.folder.exists():
        return _not_yet(settings, media.folder)
    return Finding(NAME, Level.OK, f"The media store answers, with {counted(len(there), 'file')}.")


def _not_yet(settings: Settings, folder: Path) -> Finding:
    """Return what is found where nothing is missing, and the store's folder is not there."""
    if setting_checks.within(folder, settings.data_dir):
        return Finding(NAME, Level.OK, "There is no file yet: the first one makes the media store's folder.")
    said = f"The folder {folder} is not there. The first file makes it."
    return Finding(NAME, Level.WARNING, said, NOT_THERE)


def _not_writable(settings: Settings, folder: Path | None) -> tuple[str, str] | None:
    """Return what stands against writing to the store's folder and what to do, None where nothing is known."""
    if folder is None:
        return None
    if folder.exists():
        said = f"Nothing can be written to {folder}.", "Check who owns it, and the mount."
        return said if cannot_write(folder) else None
    # The data folder's own line says what is to be done where that one is missing.
    if setting_checks.within(folder, settings.data_dir) or not cannot_write(existing(folder)):
        return None
    return f"The folder {folder} is not there, and this account can't make it.", NOT_THERE
