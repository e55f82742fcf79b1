"""Folders and disks: whether this account can write there, and how much is free; asked without writing."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from backup.daily import newest
from clinic import clock
from clinic.admin import ownership
from clinic.admin.findings import Finding, Level
from clinic.settings import Settings
from storage.owner import account_name, how_to_make

OF_KEYS = 1 << 20
"""Bytes that have to be free for keys, and for the list of erased patients."""
NO_FILE, NO_KEY = "no file is accepted", "no patient can be erased, and no key made or changed"
WRITABLE = (
    "Check who owns it, and the mount; under systemd, a folder outside /var/lib needs ReadWritePaths= in the units."
)


def cannot_write(folder: Path) -> bool:
    """Return whether this account can't write to a folder, asked without writing."""
    read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return read_only or not os.access(folder, os.W_OK | os.X_OK)


def existing(folder: Path) -> Path:
    """Return the folder, or what is there above it."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())


def data_folder(settings: Settings) -> Finding:
    """Return whether the data folder is there or can be made, this account's, and closed to others."""
    name, folder = "data folder", settings.data_dir
    if folder.exists() and not folder.is_dir():
        return Finding(name, Level.REFUSED, f"{folder} is a file.", "Name a folder with FER_DATA_DIR.")
    if not folder.exists() and cannot_write(existing(folder)):
        said = f"{folder} is not there, and the account {account_name(os.geteuid())} can't make it."
        return Finding(name, Level.REFUSED, said, f"Check FER_DATA_DIR. {how_to_make(folder)}")
    if not folder.exists():
        remedy = "Check FER_DATA_DIR; `migrate` makes a new folder."
        return Finding(name, Level.WARNING, f"{folder} is not there yet.", remedy)
    if cannot_write(folder):
        return Finding(name, Level.REFUSED, f"Nothing can be written to {folder}.", WRITABLE)
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return Finding(name, Level.WARNING, f"Others on this computer may look into {folder}.", "Set it to mode 700.")
    return Finding(name, Level.OK, f"The data folder is {folder}, closed to others.")


def settings_file() -> Finding:
    """Return whether a server's file of settings, where passwords and keys may stand, is closed to others."""
    file = ownership.SETTINGS_FILE
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        said = f"Others on this computer may read {file}, where passwords and keys may stand."
        return Finding("settings file", Level.WARNING, said, f"As root: chmod 600 {file}.")
    said = f"The file {file} is closed to others." if file.exists() else f"There is no file {file}."
    return Finding("settings file", Level.OK, said)


def closed_key_folder(settings: Settings) -> Finding | None:
    """Return what is found where nothing can be written to the key folder, else None."""
    folder = settings.key_dir
    if not cannot_write(existing(folder)):
        return None
    said = f"Nothing can be written to {folder}: {NO_KEY}."
    return Finding("key folder", Level.BROKEN, said, WRITABLE if folder.exists() else how_to_make(folder))


def missing_key_folder(settings: Settings, begun: bool) -> Finding | None:
    """Return what is found where there is no key folder, else None; `begun`: the clinic was started before."""
    if settings.key_dir.exists():
        return None
    if begun:
        said = f"The key folder {settings.key_dir} is not there."
        return Finding("key folder", Level.BROKEN, said, "Check FER_KEY_DIR, and that its disk is mounted.")
    return Finding("key folder", Level.OK, f"The first start makes the key folder {settings.key_dir}.")


def unusable_backups(folder: Path) -> Finding | None:
    """Return what is found where the folder of backups is not there, or closed to this account, else None."""
    name = "backups"
    if not folder.exists():
        said = f"The folder that FER_BACKUP_DIR names is not there: {folder}"
        if cannot_write(existing(folder)):
            return Finding(name, Level.BROKEN, f"{said}, and this account can't make it.", how_to_make(folder))
        remedy = "Check FER_BACKUP_DIR, and that its disk or share is mounted. The next backup makes the folder."
        return Finding(name, Level.WARNING, f"{said}.", remedy)
    if not folder.is_dir():
        said = f"What FER_BACKUP_DIR names is a file: {folder}."
        return Finding(name, Level.BROKEN, said, "Name a folder.")
    # The unit of the pages sees each other folder as one that is only read: that says nothing of the backups' own.
    only_read = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    if not os.access(folder, os.R_OK | os.X_OK) or not (only_read or os.access(folder, os.W_OK)):
        said = f"The folder of backups is closed to the account {account_name(os.geteuid())}: {folder}."
        return Finding(name, Level.BROKEN, said, "Make it the account's own (`chown` as root), with mode 700.")
    return None


def space(settings: Settings, media: Path | None) -> Finding:
    """Return whether there is room on each disk; `media`: the store's folder, where it is one of this computer.

    For backups: as much as the last one took.
    """
    wanted = [(settings.data_dir, settings.min_free_bytes, NO_FILE), (settings.key_dir, OF_KEYS, NO_KEY)]
    if media is not None:
        wanted.append((media, settings.min_free_bytes, NO_FILE))
    if settings.backup_dir is not None and (last := newest(settings.backup_dir, clock.now())) is not None:
        wanted.append((settings.backup_dir, last.stat().st_size, "the next backup may not fit"))
    for folder, least, why in wanted:
        there = existing(folder)
        if shutil.disk_usage(there).free < least:
            said = f"There is too little free space: {why}."
            return Finding("disk", Level.WARNING, said, f"Free space on the disk of {there}.")
    free = shutil.disk_usage(existing(settings.data_dir)).free
    return Finding("disk", Level.OK, f"{free / 1e9:.1f} GB are free.")
