"""Backups of an installation as its settings describe it: for either kind of database, dated, verified, and tested."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import select

from backup import daily, leftovers
from backup.archive import Manifest, Secret, seal_backup
from backup.attached import Stores
from backup.erasures import Erasure
from backup.restoring import Restored, restore_file, restore_to_url
from backup.transfer import transfer
from clinic import audit, clock
from clinic.admin import key_folder, keyring, rotation
from clinic.admin.process_checks import NOT_THERE
from clinic.children import PROGRAM_DIR
from clinic.phrases import counted
from clinic.recordings import store_mark, stored_files
from clinic.recordings.stored_files import Expected
from clinic.settings import Settings
from db.copies import sqlite_path
from db.engine import Database, migrate, open_database
from db.models import Consent, Patient, Recording
from db.probe import probe
from fer_core.errors import FerError
from storage import keys
from storage.media import MediaStore, store_without_key
from storage.wrapping import Key, SealError

STARTED_WITHIN_S = 180.0


def key_path(settings: Settings) -> Path:
    """Return where the key of the daily backups lies: with the master key, and never with the backups."""
    return settings.key_dir / "backup.key"


def own_secret(settings: Settings, make: bool = False) -> Secret:
    """Return the key of the daily backups. Raises FerError ``no_backup_key`` where there is none, unless `make`."""
    key = keys.make_at(key_path(settings)) if make else keys.read(key_path(settings))
    if key is None:
        raise FerError(
            f"The key of the backups is missing ({key_path(settings)}). Please restore the key folder, or name the"
            " key or passphrase that sealed this backup.",
            "no_backup_key",
        )
    return Secret(key=key.secret)


def make(settings: Settings, folder: Path, secret: Secret, keep: int) -> tuple[Path, Manifest]:
    """Write a dated backup into a folder, verify it, and delete the oldest beyond `keep`; writers may go on.

    Raises FerError as `seal_backup` and `transfer` do, and ``files_missing`` where files that the database needs are
    not in the store: the backup is there then, without them. Nothing is deleted in either case.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = daily.free_name(folder, clock.now())
    before = _expected(settings)
    with _as_sqlite(settings) as database:
        manifest = seal_backup(database, target, secret, _stores(settings))
    packed = {file.name.removeprefix("media/") for file in manifest.media}
    gone = _other_store(settings, before, packed) or stored_files.missing(before, packed, _expected(settings))
    if gone is not None:
        raise FerError(
            f"{target} holds the database, and not all of its files. {gone} {NOT_THERE} No older backup was deleted.",
            "files_missing",
        )
    daily.prune(folder, keep, target)
    return target, manifest


def _other_store(settings: Settings, named: Expected, packed: set[str]) -> str | None:
    """Return in a sentence that the files came from another store than the clinic's, None where nothing says so."""
    mark = store_mark.look(settings, store_without_key(settings), probe(settings.database_url).clinic_id)
    return stored_files.not_its_own(mark, named, packed)


def _expected(settings: Settings) -> Expected:
    """Return which files have to be in a backup; tables of an older version can't be asked."""
    if not probe(settings.database_url).current:
        return Expected()
    with closing(open_database(settings.database_url)) as db, db.read() as session:
        return stored_files.expected(session, settings)


def bring_back(settings: Settings, source: Path, secret: Secret | None, erased: list[Erasure]) -> Restored:
    """Put a backup into the installation's database, without what was erased since.

    Raises as `restore_to_url` does, and FerError ``other_clinic`` for the backup of another clinic.
    """
    beside = settings.data_dir / "clinic.db"
    admit = partial(key_folder.refuse_other_clinic, settings)
    restored = restore_to_url(source, secret, settings.database_url, beside, _stores(settings), erased, admit)
    # Its files lie in the store that is there now.
    store_mark.forget(settings)
    return restored


def drill(
    settings: Settings, source: Path, secret: Secret | None, erased: list[Erasure], old_key: Path | None = None
) -> Iterator[str]:
    """Start a backup as a separate clinic in a scratch folder, and yield the findings, line by line.

    `old_key`: the file of the master key of that time, where it was changed since. Nothing of the installation is
    touched; the folder is deleted at the end. Raises FerError where something is wrong.
    """
    with _scratch(settings) as folder:
        data = folder / "data"
        data.mkdir(mode=0o700)
        there = replace(Settings.at(data), key_dir=folder / "keys", master_key=keys.require(settings).secret)
        admit = partial(key_folder.refuse_other_clinic, settings)
        found = restore_file(source, secret, data / "clinic.db", _stores(there), erased, admit)
        rows = counted(found.rows_in_backup or sum(found.tables.values()), "row")
        yield f"The backup is whole: {rows}, {found.files} of {counted(found.files_in_backup, 'file')}."
        migrate(there.database_url)
        with closing(open_database(there.database_url)) as db:
            yield _settled(db, there, old_key or keys.old_path(settings, keyring.recorded(db) or ""))
            yield _erased_are_gone(db, erased)
            yield _opened(there)
            verdict = audit.verify(db)
            if verdict.first_bad is not None:
                raise FerError(verdict.sentence, "audit_changed")
            yield verdict.sentence
        yield f"The pages start on it and answer, after {_start(there):.0f} s."


def _settled(db: Database, settings: Settings, old_key: Path) -> str:
    """Open the clinic with the installed key; what an older one sealed is wrapped for it first."""
    known, installed = keyring.recorded(db), keys.require(settings).fingerprint
    if known in (None, installed):
        keyring.settle(db, settings)
        return "Its master key is the installed one."
    if not old_key.exists():
        raise FerError(
            f"This backup belongs to master key {known[:8]}, and key {installed[:8]} is installed. Please name the file"
            " of the key of that time with --old-key-file.",
            "key_of_backup",
        )
    rotation.adopt(db, settings, old_key)
    keyring.settle(db, settings)
    return "The installed master key opens what the older one sealed."


@contextmanager
def _as_sqlite(settings: Settings) -> Iterator[Path]:
    """Give the installation's database as a SQLite file: itself, or one moment of a server's, deleted afterwards."""
    path = sqlite_path(settings.database_url)
    if path is not None:
        yield path
        return
    snapshot = settings.data_dir / f"{leftovers.SNAPSHOT}{secrets.token_hex(4)}.db"
    with leftovers.copying(settings.data_dir):
        try:
            transfer(settings.database_url, f"sqlite:///{snapshot}")
            yield snapshot
        finally:
            for rest in settings.data_dir.glob(f"{snapshot.name}*"):
                rest.unlink()


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """Give a folder on the data's own disk, for this user alone, and never on that of the backups."""
    with leftovers.copying(settings.data_dir):
        folder = settings.data_dir / f"{leftovers.SCRATCH}{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _stores(settings: Settings) -> Stores:
    return Stores(settings.media_url, settings.data_dir / "work")


def _erased_are_gone(db: Database, erased: list[Erasure]) -> str:
    kinds = {"patient": Patient.id, "recording": Recording.id}
    with db.read() as session:
        for kind, its_id in kinds.items():
            gone = [erasure.erased_id for erasure in erased if erasure.kind == kind]
            if session.scalar(select(its_id).where(its_id.in_(gone)).limit(1)) is not None:
                raise FerError("An erased patient is in the restored clinic.", "erased_is_back")
        withdrawn = [erasure.erased_id for erasure in erased if erasure.kind == "consent"]
        living = select(Consent.id).where(Consent.id.in_(withdrawn), Consent.withdrawn_at.is_(None))
        if session.scalar(living.limit(1)) is not None:
            raise FerError("A consent that was withdrawn is valid in the restored clinic.", "erased_is_back")
    return f"Of {counted(len(erased), 'erasure or withdrawal', 'erasures and withdrawals')}, none is undone."


def _opened(settings: Settings) -> str:
    """Say how many files open; what a lost key sealed is as closed in the clinic itself."""
    media, count, closed = MediaStore.at(settings, Key.of(settings.master_key or b"")), 0, 0
    for file in media.files():
        try:
            media.open(file.id).close()
            count += 1
        except SealError as error:
            if error.code != "wrong_key":
                raise
            closed += 1
    others = f" A key that is not here sealed the other {closed}." if closed else ""
    return f"Files of recordings that open with the key: {count}.{others}"


def _start(settings: Settings) -> float:
    """Start the pages on a free port, wait until they answer, end them, and return the seconds that it took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    named = {name: value for name, value in os.environ.items() if not name.startswith("FER_")}
    environment = named | {
        "FER_DATA_DIR": str(settings.data_dir),
        "FER_KEY_DIR": str(settings.key_dir),
        "FER_MASTER_KEY": (settings.master_key or b"").hex(),
    }
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1"]
    began = clock.steady_s()
    with (settings.data_dir / "pages.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=PROGRAM_DIR, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            while not _answers(port):
                if process.poll() is not None or clock.steady_s() - began > STARTED_WITHIN_S:
                    raise FerError("The pages do not start on the restored clinic.", "no_start")
                time.sleep(0.5)
        finally:
            process.terminate()
            process.wait()
    return clock.steady_s() - began


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
