"""Folders, database, key, machines and workers of an installation: each check reports and writes nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from backup import erasures, leftovers
from backup.daily import ahead, made_at, newest
from clinic import clock
from clinic.admin import (
    backup_folders,
    folder_checks,
    key_folder,
    keyring,
    ownership,
    process_checks,
    reading_check,
    setting_checks,
    store_check,
)
from clinic.admin.findings import Finding, Level, guarded
from clinic.admin.process_checks import age
from clinic.phrases import counted
from clinic.settings import Settings
from clinic.version import VERSION
from db.copies import sqlite_path
from db.engine import sqlite_warning
from db.migrate import head
from db.probe import Probe, probe
from fer_core.errors import FerError
from storage import keys
from storage.owner import account_name

BACKUP_AGE = timedelta(days=2)
"""A backup each day is late after two."""
OF_A_SETTING = frozenset({"bad_database_url", "no_package"})


@dataclass(frozen=True, slots=True)
class Installation:
    """What all checks look at: the settings, and the database's answer or why there was none."""

    settings: Settings
    database: Probe | FerError

    @classmethod
    def look(cls, settings: Settings) -> Installation:
        """Ask the database once."""
        try:
            return cls(settings, probe(settings.database_url))
        except FerError as error:
            return cls(settings, error)


def check_all(settings: Settings) -> list[Finding]:
    """Return what all checks find."""
    seen = Installation.look(settings)
    return [guarded(name, check, seen) for name, check in CHECKS.items()]


def _versions(seen: Installation) -> Finding:
    server = seen.database.server if isinstance(seen.database, Probe) else "no answer of the database"
    text = f"Program {VERSION}, Python {platform.python_version()}, {server}, tables {head()}."
    return Finding("versions", Level.OK, text)


def _account(seen: Installation) -> Finding:
    try:
        ownership.refuse_other(seen.settings)
    except FerError as error:
        if error.code != "other_owner":
            return Finding(
                "account", Level.REFUSED, "It can't be determined whose installation this is.", error.message
            )
        return Finding("account", Level.REFUSED, "This is not the installation's account.", error.message)
    return Finding("account", Level.OK, f"This is the installation's account, {account_name(os.geteuid())}.")


NO_DATABASE = "There is no database yet."


def _database(seen: Installation) -> Finding:
    found = seen.database
    if not isinstance(found, Probe):
        if found.code == "no_tables":
            return Finding("database", Level.WARNING, NO_DATABASE, found.message)
        level = Level.REFUSED if found.code in OF_A_SETTING else Level.BROKEN
        return Finding("database", level, "The database can't be used.", found.message)
    if found.refusal is not None:
        what = "can't hold every name" if found.refusal.code == "database_encoding" else "accepts no rows"
        return Finding("database", Level.BROKEN, f"The database {what}.", found.refusal.message)
    warning = sqlite_warning() if found.server.startswith("SQLite") else None
    if warning:
        return Finding("database", Level.WARNING, f"{found.server} answers and accepts rows.", warning)
    return Finding("database", Level.OK, f"{found.server} answers and accepts rows.")


def _tables(seen: Installation) -> Finding:
    found = seen.database
    if not isinstance(found, Probe):
        if found.code == "no_tables":
            return Finding("tables", Level.WARNING, "There are no tables yet.", found.message)
        return Finding("tables", Level.WARNING, "The tables can't be checked.", "Repair the database first.")
    if found.newer:
        return Finding(
            "tables",
            Level.REFUSED,
            f"A newer version of the program wrote this database (tables {found.revision}).",
            "Start that version, or restore a backup from before the upgrade.",
        )
    if not found.current:
        was = f"are of an older version ({found.revision})" if found.revision else "are not there yet"
        return Finding("tables", Level.WARNING, f"The tables {was}.", "Make a backup, then run `migrate`.")
    return Finding("tables", Level.OK, f"The tables are those of this version ({found.revision}).")


def _key(seen: Installation) -> Finding:
    name, settings = "master key", seen.settings
    known = seen.database.key_id if isinstance(seen.database, Probe) else None
    try:
        key = keyring.require_known(settings, known) if known else keys.load(settings)
    except FerError as error:
        return Finding(name, Level.REFUSED, "The master key is not valid.", error.message)
    if key is None and (
        store_check.filled(settings) or (isinstance(seen.database, Probe) and keyring.lacks_first(settings))
    ):
        return Finding(name, Level.REFUSED, "The master key is missing.", keys.missing().message)
    if key is None:
        return Finding(name, Level.OK, "There is no master key yet: the first start of an empty clinic creates it.")
    if settings.master_key is None and not settings.demo and setting_checks.within(settings.key_dir, settings.data_dir):
        return Finding(
            name,
            Level.WARNING,
            "The key lies in the data folder: a copy of that folder contains it too.",
            "Move the key folder out of the data folder, and set FER_KEY_DIR.",
        )
    if known is None:
        return Finding(name, Level.OK, "There is a master key; the next start stores its fingerprint.")
    return Finding(name, Level.OK, f"The master key is the clinic's own ({known[:8]}), and closed to others.")


def _key_folder(seen: Installation) -> Finding:
    """Return whether the key folder is this clinic's own: it is asked before there is a database, too."""
    found = seen.database
    if isinstance(found, FerError) and found.code != "no_tables":
        return Finding(
            "key folder",
            Level.WARNING,
            "It can't be determined whose key folder this is.",
            "Repair the database first.",
        )
    clinic_id, begun = (found.clinic_id, found.begun) if isinstance(found, Probe) else (None, False)
    refusal = key_folder.refusal(seen.settings, clinic_id, begun)
    if refusal is None and (closed := folder_checks.closed_key_folder(seen.settings)) is not None:
        return closed
    if refusal is None and (none := folder_checks.missing_key_folder(seen.settings, begun)) is not None:
        return none
    if refusal is None:
        return Finding("key folder", Level.OK, f"The key folder is {seen.settings.key_dir}, and no other clinic's.")
    if begun:
        return Finding("key folder", Level.WARNING, "The key folder is another clinic's too.", refusal.message)
    return Finding("key folder", Level.REFUSED, "The key folder's clinic is not in this database.", refusal.message)


def _store(seen: Installation) -> Finding:
    return store_check.check(seen.settings, seen.database)


def _machines(seen: Installation) -> Finding:
    name, settings = "several machines", seen.settings
    if settings.dask is None and settings.database_url.startswith("sqlite"):
        return Finding(name, Level.OK, "Database, files and analysis are on this computer.")
    where = (
        "the folder media of the data folder"
        if settings.media_url == str(settings.data_dir / "media")
        else "the store of FER_MEDIA_URL"
    )
    return Finding(
        name,
        Level.OK,
        f"Every machine that analyses has to reach {where}, and to hold the same master key (FER_KEY_DIR or"
        " FER_MASTER_KEY).",
    )


def _erasures(seen: Installation) -> Finding:
    path, name = seen.settings.erasures_path, "erasures"
    try:
        count = len(erasures.known(path))
    except (FerError, OSError) as error:
        said = error.message if isinstance(error, FerError) else "The list of erased patients can't be read."
        return Finding(name, Level.WARNING, said, f"Nothing can be restored until {path} is repaired.")
    begun = isinstance(seen.database, Probe) and seen.database.key_id is not None
    if begun and not path.exists():
        return Finding(
            name,
            Level.WARNING,
            f"The list of erased patients is missing: {path}.",
            "Restore it from the backup of the key folder; without it a restore brings erased patients back.",
        )
    return Finding(name, Level.OK, f"Remembered: {counted(count, 'erasure')}.")


def _backups(seen: Installation) -> Finding:
    name, folder = "backups", seen.settings.backup_dir
    if seen.settings.demo:
        return Finding(name, Level.OK, "The demonstration needs none.")
    if folder is None:
        return Finding(
            name,
            Level.WARNING,
            "No folder for daily backups is set.",
            "Set FER_BACKUP_DIR and start expression-history-backup.timer, or back up in another way.",
        )
    if (near := setting_checks.too_near(seen.settings, folder)) is not None:
        return Finding(name, Level.WARNING, near, "Name a folder on another disk with FER_BACKUP_DIR.")
    if (gone := backup_folders.emptied(seen.settings, folder)) is not None:
        remedy = "Mount it: no backup is made meanwhile. If it is right that none is there: `backup --new-folder`."
        return Finding(name, Level.BROKEN, gone, remedy)
    if (unusable := folder_checks.unusable_backups(folder)) is not None:
        return unusable
    if found := ahead(folder, clock.now()):
        return Finding(
            name,
            Level.WARNING,
            f"{counted(len(found), 'file')} in the folder of backups with a date in the future.",
            f"Check the computer's clock. Then rename or delete what a wrong clock dated: {found[-1]}.",
        )
    last = newest(folder, clock.now())
    if last is None or clock.now() - made_at(last) > BACKUP_AGE:
        said = f"The last backup was made {age(made_at(last))}." if last else "There is no backup."
        return Finding(name, Level.WARNING, said, "Look at the log of expression-history-backup.")
    return Finding(name, Level.OK, f"The last backup was made {age(made_at(last))}.")


def _left(seen: Installation) -> Finding:
    if isinstance(seen.database, FerError) and seen.database.code in OF_A_SETTING:
        return Finding(
            "leftover copies", Level.WARNING, "Leftover copies can't be checked.", "Repair the database first."
        )
    folders = {seen.settings.data_dir}
    path = sqlite_path(seen.settings.database_url)
    if path is not None:
        folders.add(path.absolute().parent)
    left = [copy for folder in sorted(folders) for copy in leftovers.copies(folder)]
    if seen.settings.backup_dir is not None:
        left += leftovers.parts(seen.settings.backup_dir)
    if not left:
        return Finding("leftover copies", Level.OK, "No backup that was interrupted left anything.")
    said = f"A backup, restore or drill was interrupted, and left: {', '.join(map(str, left))}."
    return Finding(
        "leftover copies", Level.WARNING, said, "The next backup deletes them. Check why the last one ended."
    )


CHECKS: dict[str, Callable[[Installation], Finding]] = {
    "versions": _versions,
    "settings": lambda _seen: setting_checks.names(),
    "settings file": lambda _seen: folder_checks.settings_file(),
    "named files": lambda seen: setting_checks.paths(seen.settings),
    "account": _account,
    "data folder": lambda seen: folder_checks.data_folder(seen.settings),
    "database": _database,
    "tables": _tables,
    "master key": _key,
    "key folder": _key_folder,
    store_check.NAME: _store,
    "several machines": _machines,
    "erasures": _erasures,
    "disk": lambda seen: folder_checks.space(seen.settings, store_check.local(seen.settings)),
    reading_check.NAME: reading_check.check,
    "cluster": lambda seen: process_checks.scheduler(seen.settings),
    "pages": lambda seen: process_checks.pages(seen.settings),
    "analysis": lambda seen: process_checks.workers(seen.settings),
    "core files": lambda seen: process_checks.core_files_of(seen.settings),
    "backups": _backups,
    "leftover copies": _left,
}
