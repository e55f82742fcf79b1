"""Which master key belongs to this clinic: its fingerprint is in the database, and no other key is accepted.

A new key in place of a lost one would lock out everyone with a second step, and leave sealed files unreadable.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from backup import erasures
from clinic import access
from clinic.admin import key_folder
from clinic.audit import AuditAction
from clinic.settings import Settings
from db.engine import Database
from db.models import AuditRow, Installation, Recording, SecondStep
from db.probe import reading
from storage import keys
from storage.keys import MasterKeyError
from storage.media import MediaStore, store_without_key
from storage.wrapping import Key, SealError, key_id

LOOKED_AT = 20
"""Files whose key is checked before a first fingerprint is stored."""
NEEDED_A_KEY = (
    AuditAction.RECORDING_ADDED,
    AuditAction.PATIENT_IMPORTED,
    AuditAction.SECOND_STEP_ON,
    AuditAction.PATIENT_DELETED,
    AuditAction.RECORDING_DELETED,
    AuditAction.CONSENT_WITHDRAWN,
)
"""After one of these there was a key folder: something was sealed, or noted as erased."""


def settle(db: Database, settings: Settings) -> Key:
    """Return the clinic's master key at the program's start; it is created if the clinic is empty.

    Raises MasterKeyError ``master_key_missing``, ``master_key_wrong``, and what `keys.load` raises; FerError
    ``key_folder`` where an empty clinic would take another's key folder.
    """
    known = recorded(db)
    if known is None:
        key_folder.require_own(db, settings)
        with db.session() as session:
            known = _record_first(session, settings)
    key = require_known(settings, known)
    key_folder.mark(db, settings)
    return key


def recorded(db: Database) -> str | None:
    """Return the fingerprint that the database holds, None before there is one."""
    with db.read() as session:
        row = session.get(Installation, Installation.ONLY)
        return row.key_id if row is not None else None


def require_known(settings: Settings, known: str) -> Key:
    """Return the key of the settings where it has this fingerprint. Raises MasterKeyError as `settle` does."""
    key = keys.require(settings)
    if key.fingerprint != known:
        raise MasterKeyError(
            f"This is not the master key of this clinic: the database belongs to key {known[:8]}, and key"
            f" {key.fingerprint[:8]} is installed. {way_back(settings, known)}",
            "master_key_wrong",
        )
    return key


def way_back(settings: Settings, known: str) -> str:
    """Return what to do where the database belongs to a key that is not installed."""
    old = keys.old_path(settings, known)
    if old.exists():
        return (
            "The database comes from before a change of the key: please run `expression-history rotate-key"
            f" --old-key-file {old}`."
        )
    return (
        "Please bring back the other one. Where the database comes from a backup that is older than the last change of"
        " the key, run `expression-history rotate-key --old-key-file FILE` with the key of that time."
    )


def closed_files(settings: Settings, *known: str) -> int:
    """Return how many stored files none of these keys (fingerprints) opens: others sealed them, or they are damaged."""
    media, ids = store_without_key(settings), {bytes.fromhex(one) for one in known}
    return sum(not _is_of(media, file.id, ids) for file in media.files() if file.whole)


def _is_of(media: MediaStore, media_id: str, ids: set[bytes]) -> bool:
    try:
        return media.key_of(media_id) in ids
    except SealError:
        return False
    except FileNotFoundError:
        # Deleted at this moment.
        return True


def _record_first(session: Session, settings: Settings) -> str:
    """Store the fingerprint under the write lock, and return it; another process may just have done so."""
    row = access.installation(session)
    if row.key_id is None:
        key = keys.load(settings)
        if key is None:
            if not (settings.demo or _is_empty(session, settings)):
                raise keys.missing()
            key = keys.make(settings)
        elif any(needed != key.id for needed in _needed(session, settings)):
            raise MasterKeyError(
                "Files or second steps of this clinic are sealed with another master key than the one that is"
                " installed. Please bring the other one back.",
                "master_key_wrong",
            )
        row.key_id = key.fingerprint
        erasures.begin(settings.erasures_path)
    return row.key_id


def lacks_first(settings: Settings) -> bool:
    """Return whether a database without a fingerprint, of any version, is of a clinic whose key is not there.

    Nothing is written. Raises what `keys.load` and SQLAlchemy raise.
    """
    if settings.demo or keys.load(settings) is not None:
        return False
    with reading(settings.database_url) as connection, Session(connection) as session:
        return not _is_empty(session, settings)


def _is_empty(session: Session, settings: Settings) -> bool:
    """Return whether there never was a key: version 0.1.0 made it only when it had something to seal."""
    there = inspect(session.connection()).get_table_names()
    needed = {
        Recording.__tablename__: select(Recording.id),
        SecondStep.__tablename__: select(SecondStep.account_id),
        AuditRow.__tablename__: select(AuditRow.action).where(AuditRow.action.in_(NEEDED_A_KEY)),
    }
    used = any(session.scalar(rows.limit(1)) is not None for table, rows in needed.items() if table in there)
    return not used and not any(store_without_key(settings).files())


def _needed(session: Session, settings: Settings) -> Iterator[bytes]:
    """Yield the ids of the keys that open what is sealed here: all second steps, and some files."""
    for secret in session.scalars(select(SecondStep.secret)):
        yield key_id(io.BytesIO(bytes.fromhex(secret)))
    media = store_without_key(settings)
    for file in islice((file for file in media.files() if file.whole), LOOKED_AT):
        # A file that is damaged, or is deleted at this moment, does not show its key.
        with suppress(SealError, FileNotFoundError):
            yield media.key_of(file.id)
