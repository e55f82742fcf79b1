"""Restoring a backup into a database of either kind: what was erased since is deleted before anyone can see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from backup import erasures
from backup.archive import Opened, Secret, is_sealed, opened_backup
from backup.attached import Stores, present, take_back, wanted
from backup.backup import place_beside, refuse_newer, restore
from backup.erasures import Erasure
from backup.transfer import transfer
from db.copies import check, sqlite_path
from db.migrate import upgrade
from db.room import DiskFullError, disk_full
from fer_core.errors import FerError

IN_PART = (
    "The database and the missing files are restored. Files that lay there are still those of before; the next restore"
    " replaces them."
)


@dataclass(frozen=True, slots=True)
class Restored:
    """The rows of each table, and how many of the backup's files came back; the others belong to what was erased.

    `kept`: where the database that was there before lies, None where there was none. Of a plain copy, which says
    neither, `made_at` (when the backup was made) is None and `rows_in_backup` is 0.
    """

    tables: dict[str, int]
    files: int = 0
    files_in_backup: int = 0
    kept: Path | None = None
    made_at: datetime | None = None
    rows_in_backup: int = 0


def known_erasures(path: Path, without: bool) -> list[Erasure]:
    """Return what was erased; `without`: the user confirmed that there is no list.

    Raises FerError ``no_erasures``, ``erasures_unreadable``.
    """
    if not path.exists() and not without:
        raise FerError(
            f"There is no list of erased patients ({path}): patients erased after this backup was made would come"
            " back. Please restore the list with the key folder, or use --without-erasures if it is permanently lost.",
            "no_erasures",
        )
    return erasures.known(path)


def restore_file(
    source: Path,
    secret: Secret | None,
    database: Path,
    stores: Stores,
    erased: list[Erasure],
    admit: Callable[[Path], None] = lambda _: None,
) -> Restored:
    """Put a backup, sealed or plain, in the place of a SQLite database.

    `admit` is asked first, with the backup's database: it raises where that is not to be restored here.
    Raises as `restore`, `opened_backup` and `admit` do.
    """
    if not source.is_file() or not is_sealed(source):
        if source.is_file():
            refuse_newer(source)
            admit(source)
        return _restored(source, database, erased)
    with _cleaned(source, secret, database, erased, admit) as found:
        return _with_files(found, stores, lambda: _restored(found.copy, database, erased))


def _restored(copy: Path, database: Path, erased: list[Erasure]) -> Restored:
    kept = place_beside(database)
    tables = restore(copy, database, erased, kept)
    return Restored(tables, kept=kept if kept.exists() else None)


def restore_to_url(
    source: Path,
    secret: Secret | None,
    url: str,
    beside: Path,
    stores: Stores,
    erased: list[Erasure],
    admit: Callable[[Path], None] = lambda _: None,
) -> Restored:
    """Put a sealed backup into an empty database of any kind; `beside`: where it is unpacked meanwhile.

    Raises as `opened_backup`, `transfer` and `admit` do.
    """
    path = sqlite_path(url)
    if path is not None:
        return restore_file(source, secret, path, stores, erased, admit)
    with _cleaned(source, secret, beside, erased, admit) as found:
        upgrade(f"sqlite:///{found.copy}")

        def put() -> Restored:
            transfer(f"sqlite:///{found.copy}", url)
            return Restored(check(found.copy))

        return _with_files(found, stores, put)


def _with_files(found: Opened, stores: Stores, put: Callable[[], Restored]) -> Restored:
    """Bring the files of a backup back around its database, which `put` restores; where that fails nothing is left."""
    asked = wanted(found.copy)
    # Until the database is replaced, what lies there is its own, and may be sealed with a newer key.
    there = frozenset(name for name, _file, _size in present(stores, asked))
    coming = [name for name in found.names if asked.has(name) and name not in there]
    try:
        files = found.bring_back(stores, frozenset(coming).__contains__)
        restored = put()
    except BaseException:
        for name in coming:
            take_back(stores, name)
        raise
    try:
        files += found.bring_back(stores, lambda name: asked.has(name) and name in there)
    except Exception as error:
        if disk_full(error):
            raise DiskFullError(IN_PART) from error
        raise
    manifest = found.manifest
    return replace(
        restored,
        files=files,
        files_in_backup=len(manifest.media),
        made_at=datetime.fromisoformat(manifest.made_at),
        rows_in_backup=sum(manifest.tables.values()),
    )


@contextmanager
def _cleaned(
    source: Path, secret: Secret | None, beside: Path, erased: list[Erasure], admit: Callable[[Path], None]
) -> Iterator[Opened]:
    """Unpack a backup that may be restored, and erase from the copy what was erased since."""
    if secret is None:
        raise FerError(
            "This backup is sealed. Please name its key with --key-file FILE, or its passphrase with --passphrase-file"
            " FILE.",
            "no_secret",
        )
    with opened_backup(source, secret, beside) as found:
        refuse_newer(found.copy)
        admit(found.copy)
        erasures.apply(found.copy, erased)
        yield found
