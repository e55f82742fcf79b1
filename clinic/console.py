"""The end of a command: its own exit code, or a sentence and a code that says whether a retry may help."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from clinic.settings import Settings
from db.faults import explained
from db.room import DiskFullError, disk_full
from fer_core.errors import FerError
from fer_core.pipes import end_quietly

NEARLY_FULL = 10**9
"""Bytes; a disk with more is not the full one, save where something large is restored, which says so itself."""
FAILED, INTERRUPTED, EX_CONFIG = 1, 130, 78
"""Exit codes: refused or not sound; ended by Ctrl+C; a setting is wrong (sysexits.h), so that a restart can't help."""
OF_A_SETTING = frozenset(
    {
        "bad_database_url",
        "bad_setting",
        "bad_zone",
        "data_folder",
        "database_encoding",
        "key_folder",
        "master_key",
        "master_key_damaged",
        "master_key_missing",
        "master_key_open",
        "master_key_wrong",
        "migration_refused",
        "newer_database",
        "no_clinic",
        "no_package",
        "other_owner",
        "other_program",
        "read_only_folder",
        "rotation_unfinished",
        "unsafe_settings",
        "weak_key",
    }
)
"""Codes of errors that stay until a person changes something."""


def answered(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error that a person can fix ends in a sentence and no traceback."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except BrokenPipeError as error:
        return end_quietly(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        said = no_room(known) if disk_full(error) or known.code == "database_disk" else known.message
        print(said, file=sys.stderr)  # noqa: T201 the console is where it belongs
        return EX_CONFIG if known.code in OF_A_SETTING else FAILED


def no_room(error: FerError) -> str:
    """Return what a full disk means for a command, and how much is free where the installation's disks are nearly full.

    The pages' own sentence is for clinicians, and sends them to the person who reads this one.
    """
    said = f"The disk is full. {error.so}".strip() if isinstance(error, DiskFullError) else error.message
    asked = "" if "Please free space" in said else " Please free space, and try again."
    return f"{said}{asked}{_free()}"


def _free() -> str:
    try:
        settings = Settings.from_environment(make=False)
    except FerError:
        return ""
    media = [] if urlsplit(settings.media_url).scheme else [Path(settings.media_url)]
    folders = [settings.data_dir, settings.key_dir, *media, *filter(None, [settings.backup_dir])]
    free: dict[int, str] = {}
    for folder in folders:
        there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
        if (left := shutil.disk_usage(there).free) < NEARLY_FULL:
            free.setdefault(there.stat().st_dev, f"{left / 1e6:.0f} MB on the disk of {there}")
    # Where it is none of these, it is the one that the command names.
    return f" Free: {', '.join(free.values())}." if free else ""
