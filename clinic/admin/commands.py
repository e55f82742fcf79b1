"""The administrator's commands: the installation's health, its key, its backups."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from backup.archive import Secret, is_sealed
from backup.erasures import Erasure
from backup.restoring import Restored, known_erasures
from backup.stopped import nobody_at_work
from backup.transfer import transfer
from clinic.admin import (
    backup_folders,
    backups,
    doctor,
    key_folder,
    keyring,
    lost_files,
    ownership,
    rotation,
    setting_checks,
)
from clinic.admin.process_checks import NOT_THERE
from clinic.admin.serving import read_options
from clinic.children import PROGRAM_DIR
from clinic.phrases import counted
from clinic.settings import Settings
from db.copies import sqlite_path
from db.engine import migrate, open_database
from db.migrate import current
from db.probe import probe
from db.room import DiskFullError, disk_full
from fer_core.errors import FerError
from storage import at_work, keys
from storage.keys import MasterKeyError

KEPT = 30
"""Daily backups that are kept, unless a user says otherwise."""


def add(commands: Any) -> None:
    """Add the commands to the parser's."""
    examined = commands.add_parser(
        "doctor", help="check whether the installation is safe and works, and say what to do; writes nothing"
    )
    examined.add_argument("--json", action="store_true", help="for a monitoring program")
    examined.add_argument("--strict", action="store_true", help="exit code 1 for a warning too")
    examined.set_defaults(command=_doctor)
    rotated = commands.add_parser("rotate-key", help="put a new master key in the old one's place; may be interrupted")
    how = rotated.add_mutually_exclusive_group()
    how.add_argument(
        "--old-key-file",
        type=Path,
        metavar="FILE",
        help="let the installed key open what this older one sealed: after a restore, or a change of FER_MASTER_KEY",
    )
    how.add_argument("--lost", action="store_true", help="start with a new key: what the lost key sealed is gone")
    rotated.set_defaults(command=_rotate_key)
    made = commands.add_parser("backup", help="write a dated, sealed backup, verify it, and delete the oldest")
    made.add_argument("--to", type=_named_path, metavar="FOLDER", help="default: FER_BACKUP_DIR")
    made.add_argument("--keep", type=int, default=KEPT, metavar="N", help=f"how many stay (default {KEPT})")
    made.add_argument("--new-folder", action="store_true", help="it is right that the earlier backups are not there")
    _add_secrets(made)
    made.set_defaults(command=_backup)
    back = commands.add_parser("restore", help="restore a backup; patients who were erased since stay erased")
    back.add_argument("file", type=_named_path, help="the backup")
    back.add_argument("--check", action="store_true", help="only try it, in a scratch folder, and report")
    back.add_argument(
        "--old-key-file",
        type=Path,
        metavar="FILE",
        help="with --check: the master key of that time, where it was changed since",
    )
    back.add_argument("--without-erasures", action="store_true", help="the list of what was erased is permanently lost")
    _add_secrets(back)
    back.set_defaults(command=_restore)
    lost = commands.add_parser("lost-files", help="name the recordings whose kept files are not in the media store")
    lost.add_argument("--accept", action="store_true", help="they are lost for good: nothing warns of them any more")
    lost.set_defaults(command=_lost_files)
    moved = commands.add_parser("copy", help="copy the clinic to another, empty database, such as PostgreSQL")
    moved.add_argument(
        "--to", required=True, metavar="URL", help="postgresql+psycopg://USER@HOST/DATABASE, the password in ~/.pgpass"
    )
    moved.set_defaults(command=_copy)


def own_settings() -> Settings:
    """Return the settings, where this account is the installation's. Raises FerError ``other_owner`` and their own."""
    ownership.refuse_other(Settings.from_environment(make=False))
    return Settings.from_environment()


def own_clinic() -> Settings:
    """Return the settings of a clinic that is there already, and make nothing where there is none.

    Raises FerError ``no_clinic``, and as `own_settings` does.
    """
    settings = Settings.from_environment(make=False)
    ownership.refuse_other(settings)
    if current(settings.database_url) is None:
        named = settings.data_dir if sqlite_path(settings.database_url) else "the database of FER_DATABASE_URL"
        raise FerError(
            f"There is no clinic in {named}. Please check FER_DATA_DIR and FER_DATABASE_URL, and the account that runs"
            " this. A new clinic begins with `migrate`, or with the first start of the pages.",
            "no_clinic",
        )
    return Settings.from_environment()


def _add_secrets(command: argparse.ArgumentParser) -> None:
    secret = command.add_mutually_exclusive_group()
    secret.add_argument("--passphrase-file", type=Path, metavar="FILE", help="its first line seals the backup")
    secret.add_argument(
        "--key-file", type=Path, metavar="FILE", help="another key than backup.key in the key folder (64 digits)"
    )


def _named_path(text: str) -> Path:
    # A variable that is not set gives an empty text, which a path takes for the current folder.
    if not text:
        raise argparse.ArgumentTypeError("it is empty: is a variable not set?")
    if "://" in text:
        raise argparse.ArgumentTypeError("it has to lie on this computer: mount the share, and name its folder")
    return Path(text)


def _doctor(options: argparse.Namespace) -> int:
    """Report the findings; the data folder is not created, and nothing is written."""
    try:
        settings = Settings.from_environment(make=False)
        found = doctor.examine(settings, read_options([Path.home(), PROGRAM_DIR], os.environ))
    except FerError as error:
        found = [refused(error)]
    return report(found, options.json, options.strict)


def refused(error: FerError) -> doctor.Finding:
    """Return the finding for settings that can't be read or used."""
    return doctor.Finding("settings", doctor.Level.REFUSED, "A setting is not valid.", error.message)


def report(found: list[doctor.Finding], as_json: bool, strict: bool = False) -> int:
    """Print the findings, and return the exit code of `doctor`."""
    if as_json:
        print(doctor.as_json(found))
    else:
        for finding in found:
            print(f"{finding.level.value:8} {finding.name:16} {finding.sentence} {finding.remedy}".rstrip())
    worst = [finding for finding in found if finding.level is not doctor.Level.OK]
    return 0 if doctor.sound(found) and not (strict and worst) else 1


def _rotate_key(options: argparse.Namespace) -> int:
    settings = own_clinic()
    with at_work.beginning(settings.data_dir):
        migrate(settings.database_url)
    with closing(open_database(settings.database_url)) as database:
        if options.lost:
            _say_lost(rotation.replace_lost(database, settings))
            return 0
        if options.old_key_file is not None:
            found = rotation.adopt(database, settings, options.old_key_file)
        else:
            found = rotation.rotate(database, settings)
    opened = f"{counted(found.files, 'file')} and {counted(found.second_steps, 'second step')}"
    print(f"The new key opens {opened}.")
    if found.lost:
        print(f"Neither key opens {found.lost} of what is there; that was so before.", file=sys.stderr)
    if found.kept is not None:
        print(f"The old key is kept in {found.kept}: backups from before need it. Back the key folder up now.")
    return 0


def _say_lost(lost: rotation.Lost) -> None:
    print("A new key is in place." if lost.made else "The key that is installed is this clinic's now.")
    print(f"Lost with the old one: {counted(lost.second_steps, 'second step')}.")
    if lost.files:
        print(
            f"{counted(lost.files, 'stored file')} can't be opened any more. If the old key is found, `rotate-key"
            " --old-key-file FILE` opens them again; otherwise please upload those recordings again."
        )


def _backup(options: argparse.Namespace) -> int:
    settings = own_clinic()
    folder = options.to or settings.backup_dir
    if folder is None:
        raise FerError("Please name a folder with --to, or set FER_BACKUP_DIR.", "no_backup_dir")
    if folder.exists() and not folder.is_dir():
        raise FerError(
            f"{folder} is a file. Please name a folder: each backup gets a name of its own.", "no_backup_dir"
        )
    if options.keep < 1:
        raise FerError("At least one backup has to be kept.", "bad_keep")
    setting_checks.refuse_swept(settings, folder)
    if not options.new_folder:
        backup_folders.refuse_emptied(settings, folder)
    key_folder.refuse_taken(settings)
    first = not backups.key_path(settings).exists() and _named_secret(options) is None
    if first:
        # A new key of the backups in a folder that lost the master key would pass for all that has to be kept.
        _require_master_key(settings)
    secret = _named_secret(options) or backups.own_secret(settings, make=True)
    if first:
        print(
            f"The backups are sealed with {backups.key_path(settings)}. Keep a copy of that folder elsewhere: without"
            " it no backup opens."
        )
    file, manifest = backups.make(settings, folder, secret, options.keep)
    backup_folders.remember(settings, folder)
    rows, files = counted(sum(manifest.tables.values()), "row"), counted(len(manifest.media), "file")
    print(f"{file}: {file.stat().st_size / 1e6:.3g} MB, {rows}, {files}; unpacked again and found complete.")
    near = setting_checks.too_near(settings, folder)
    if near is not None:
        print(f"{near} Please copy it to another disk, or name another folder.", file=sys.stderr)
    return 0


def _require_master_key(settings: Settings) -> None:
    known = probe(settings.database_url).key_id
    if known is not None:
        keyring.require_known(settings, known)
    elif keyring.lacks_first(settings):
        raise keys.missing()


def _restore(options: argparse.Namespace) -> int:
    if not options.file.is_file():
        raise FerError("There is no such backup.", "no_backup")
    if options.old_key_file is not None and not options.check:
        raise FerError(
            "--old-key-file belongs to --check. Please restore without it, and run `rotate-key --old-key-file` then.",
            "old_key_not_used",
        )
    settings = own_settings()
    erased = known_erasures(settings.erasures_path, options.without_erasures)
    secret = _named_secret(options)
    if secret is None and is_sealed(options.file):
        secret = backups.own_secret(settings)
    if options.check:
        for line in backups.drill(settings, options.file, secret, erased, options.old_key_file):
            print(line, flush=True)
        print("The backup can be restored.")
        return 0
    with nobody_at_work(settings.database_url, settings.data_dir):
        found = _brought_back(settings, options.file, secret, erased)
    left, rows = found.files_in_backup - found.files, sum(found.tables.values())
    print(f"Back are {counted(rows, 'row')} and {found.files} of {counted(found.files_in_backup, 'file')}.")
    if rows < found.rows_in_backup:
        print(
            f"The backup has {counted(found.rows_in_backup, 'row')}; the others were sign-ins, or belong to what was"
            " erased since."
        )
    if found.kept is not None:
        print(f"The database that was there before is kept as {found.kept}, until something is deleted.")
    if left:
        print("The other files belong to what was erased since.")
    if found.made_at is not None:
        print(f"What was entered after the backup of {found.made_at:%Y-%m-%d %H:%M} UTC is not in it.")
    print(_next_step(settings))
    print("Everybody is signed out. Passwords, second steps and tokens are those of the backup again: please reset")
    print("what was changed since because somebody else knew it.")
    return 0


def _brought_back(settings: Settings, file: Path, secret: Secret | None, erased: list[Erasure]) -> Restored:
    """Restore, and say of a full disk what it needs and what it left."""
    try:
        return backups.bring_back(settings, file, secret, erased)
    except Exception as error:
        if not disk_full(error) or (isinstance(error, DiskFullError) and error.so):
            raise
        size, free = f"{file.stat().st_size / 1e6:.3g} MB", shutil.disk_usage(settings.data_dir).free
        raise DiskFullError(
            "Nothing was restored: the clinic is as it was before, and nothing of this attempt is left. The backup has"
            f" {size}; a restore needs that much for its files, and room for the unpacked database three times and for"
            f" that of now once. On the disk of {settings.data_dir} are {free / 1e6:.0f} MB free."
        ) from error


def _next_step(settings: Settings) -> str:
    """Return what follows a restore: the program does not start on a backup of another key, nor without any."""
    known = probe(settings.database_url).key_id
    try:
        if known is None:
            _require_master_key(settings)
            return "Start the program now."
        installed = keys.require(settings).fingerprint
    except MasterKeyError as error:
        return f"Before the start: {error.message}"
    closed = keyring.closed_files(settings, known, installed)
    lost = f" {counted(closed, 'file')} of it: sealed with a key that is not here, so not readable." if closed else ""
    if known == installed:
        return f"Start the program now.{lost}"
    return f"Before the start: the backup belongs to another master key. {keyring.way_back(settings, known)}{lost}"


def _copy(options: argparse.Namespace) -> int:
    settings = own_clinic()
    with at_work.beginning(settings.data_dir):
        migrate(settings.database_url)
    with nobody_at_work(settings.database_url, settings.data_dir, options.to):
        copied = transfer(settings.database_url, options.to)
    rows = counted(sum(table.rows for table in copied.values()), "row")
    print(f"Copied and compared: {rows}. The old database is unchanged.")
    print("Set FER_DATABASE_URL to the new database, for pages and workers alike, and start the program.")
    return 0


def _lost_files(options: argparse.Namespace) -> int:
    settings = own_clinic()
    with at_work.beginning(settings.data_dir):
        migrate(settings.database_url)
    with closing(open_database(settings.database_url)) as database:
        found = lost_files.find(database, settings, options.accept)
    for (patient_id, recording_id), count in found.of_recording.items():
        print(f"patient {patient_id}, recording {recording_id}: {counted(count, 'file')}")
    said = "accepted as lost" if options.accept else "not in the media store"
    print(f"{found.count} of {counted(found.kept, 'kept file')}: {said}.")
    if found.other is not None and not options.accept:
        print(found.other)
    if (found.count or found.other) and not options.accept:
        print(f"{NOT_THERE} If they are lost for good: `lost-files --accept`.")
    return 1 if (found.count or found.other) and not options.accept else 0


def _named_secret(options: argparse.Namespace) -> Secret | None:
    if options.key_file is not None:
        return Secret.read_key(options.key_file)
    return Secret.read_passphrase(options.passphrase_file) if options.passphrase_file is not None else None
