"""Which folders backups were written to, so that the empty place of a disk that is not mounted is not taken for one."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from backup.daily import kept
from clinic.settings import Settings
from fer_core.errors import FerError

REMEMBERED = 20
"""Folders that are remembered at most: some name another one for each day."""


def note_path(settings: Settings) -> Path:
    """Return where the data folder remembers the folders of its backups."""
    return settings.data_dir / "backup-folders.json"


def remember(settings: Settings, folder: Path) -> None:
    """Note that a backup was written to this folder; a full disk keeps no backup from having been made."""
    named = str(folder.absolute())
    others = [one for one in _noted(settings) if one != named]
    path = note_path(settings)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        beside.write_text(json.dumps([*others, named][-REMEMBERED:]))
        beside.replace(path)


def emptied(settings: Settings, folder: Path) -> str | None:
    """Return in a sentence that the backups of a folder are gone with it, None where nothing says so."""
    if str(folder.absolute()) not in _noted(settings):
        return None
    if folder.exists() and (not os.access(folder, os.R_OK | os.X_OK) or kept(folder)):
        return None
    return f"Backups were written to {folder}, and none is there now: its disk or share may not be mounted."


def refuse_emptied(settings: Settings, folder: Path) -> None:
    """Refuse a folder whose backups are gone with it. Raises FerError ``backups_gone``."""
    said = emptied(settings, folder)
    if said is not None:
        raise FerError(
            f"{said} No backup was made. Please mount it; if it is right that the folder is empty, add --new-folder.",
            "backups_gone",
        )


def _noted(settings: Settings) -> list[str]:
    try:
        noted = json.loads(note_path(settings).read_text())
    except (OSError, ValueError):
        return []
    return [str(one) for one in noted] if isinstance(noted, list) else []
