"""A new master key: the keys of all files and all second steps are wrapped again, and no file's content changes.

Each step may be interrupted and repeated. Until it is done the program doesn't start (`keys.load` says why), because it
would seal with the key that is about to be replaced.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import delete, func, select

from backup import erasures
from backup.stopped import nobody_at_work
from clinic import access, audit
from clinic.accounts import totp
from clinic.admin import key_folder, keyring
from clinic.audit import AuditAction
from clinic.exchange import downloads
from clinic.jobs import previews
from clinic.recordings import uploads
from clinic.settings import Settings
from db.copies import sync_folder
from db.engine import Database
from db.models import RecoveryCode, SecondStep
from fer_core.errors import FerError
from storage import keys
from storage.keys import MasterKeyError
from storage.wrapping import Key


@dataclass(frozen=True, slots=True)
class Rotated:
    """What the new key opens now, and what neither key opened; `kept`: where the old key lies."""

    files: int
    second_steps: int
    lost: int
    kept: Path | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """What a lost key took with it: second steps, and files that stay closed; `made`: whether a new key was made."""

    second_steps: int
    files: int
    made: bool


def rotate(db: Database, settings: Settings) -> Rotated:
    """Make a new key in place of the one in the key folder, or go on with a change that was interrupted.

    Raises FerError ``already_running`` while a worker runs, ``key_in_environment``, ``key_folder``, MasterKeyError.
    """
    if settings.master_key is not None:
        raise FerError(
            "The key is in FER_MASTER_KEY. Put the new one there (`openssl rand -hex 32`), the old one into a file"
            " of mode 600, and name that file with --old-key-file.",
            "key_in_environment",
        )
    key_folder.require_own(db, settings)
    with nobody_at_work(settings.database_url, settings.data_dir):
        old = keys.read(keys.key_path(settings))
        if old is None:
            raise keys.missing()
        begun = keys.read(keys.next_path(settings))
        _require_one_of(db, settings, old, begun)
        new = begun or keys.make_at(keys.next_path(settings))
        found = _rewrap(db, settings, old, new)
        return Rotated(found.files, found.second_steps, found.lost, _put_in_place(settings, old))


def adopt(db: Database, settings: Settings, old_key_file: Path) -> Rotated:
    """Let the installed key open what an older one sealed: after it was changed in the environment, or after a restore.

    Raises FerError ``already_running``, MasterKeyError.
    """
    with nobody_at_work(settings.database_url, settings.data_dir):
        new, old = keys.require(settings), keys.read(old_key_file)
        if old is None:
            raise FerError("There is no such key file.", "no_key_file")
        _require_one_of(db, settings, old, new)
        return _rewrap(db, settings, old, new)


def replace_lost(db: Database, settings: Settings) -> Lost:
    """Start with a new key after the old one was lost, and return what was lost with it.

    Files that the old key sealed stay unreadable. Raises FerError ``key_not_lost``, ``already_running``.
    """
    with nobody_at_work(settings.database_url, settings.data_dir):
        known, key = keyring.recorded(db), _left(settings)
        if key is not None and known in (None, key.fingerprint):
            raise FerError("The key of this clinic is not lost; nothing was changed.", "key_not_lost")
        made = key is None
        key = key or keys.make(settings)
        with db.session() as session:
            count = session.scalar(select(func.count()).select_from(SecondStep)) or 0
            for table in (RecoveryCode, SecondStep):
                session.execute(delete(table))
            access.installation(session).key_id = key.fingerprint
            audit.write(session, AuditAction.KEY_CHANGED, console=True, lost=True, second_steps=count)
        erasures.begin(settings.erasures_path)
        return Lost(count, keyring.closed_files(settings, key.fingerprint), made)


def _left(settings: Settings) -> Key | None:
    """Return the key that is there after a loss; that of a change that was interrupted opens what was wrapped again."""
    following = keys.next_path(settings)
    if settings.master_key is None and not keys.key_path(settings).exists() and following.exists():
        os.replace(following, keys.key_path(settings))
        sync_folder(settings.key_dir)
    return keys.load(settings)


def _require_one_of(db: Database, settings: Settings, *allowed: Key | None) -> None:
    known = keyring.recorded(db)
    if known is not None and known not in [key.fingerprint for key in allowed if key is not None]:
        raise MasterKeyError(
            f"The database belongs to key {known[:8]}, which is none of these; nothing was changed."
            f" {keyring.way_back(settings, known)}",
            "master_key_wrong",
        )


def _rewrap(db: Database, settings: Settings, old: Key, new: Key) -> Rotated:
    """Wrap files first and the database last: its fingerprint shows that everything is done."""
    # Archives that wait for their download can quickly be made again.
    downloads.sweep(settings, everything=True)
    opened = list(chain(uploads.rewrap(settings, old, new), previews.rewrap(settings, old, new)))
    with db.session() as session:
        secrets, lost = totp.rewrap(session, old, new)
        row = access.installation(session)
        if row.key_id != new.fingerprint:
            row.key_id = new.fingerprint
            audit.write(session, AuditAction.KEY_CHANGED, console=True, files=sum(opened), second_steps=secrets)
    return Rotated(sum(opened), secrets, opened.count(False) + lost)


def _put_in_place(settings: Settings, old: Key) -> Path:
    """Make the new key the master key, and keep the old one."""
    path = keys.key_path(settings)
    kept = keys.old_path(settings, old.fingerprint)
    if not kept.exists():
        os.link(path, kept)
    os.replace(keys.next_path(settings), path)
    sync_folder(path.parent)
    return kept
