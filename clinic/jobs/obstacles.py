"""Why waiting and running analyses make no progress: no room on the disk, no worker that answers, no files."""

from __future__ import annotations

import shutil

from clinic.recordings.stored_files import AWAY
from clinic.settings import Settings
from clinic.worker_health import alive
from db.room import DiskFullError, disk_full
from fer_core.errors import FerError

ROOM_BYTES = 4 * 1024**2
"""What an analysis needs at least to write its next chunk, with the database's log and a preview."""
PAUSED = "An administrator has paused it."
DISK_FULL = "The disk is full: it continues automatically when there is room again."
STORE_AWAY = f"{AWAY} What needs it waits. Please tell your administrator."
NO_WORKER = "The analysis service does not answer yet: it starts automatically."


def obstacle(settings: Settings) -> str | None:
    """Return why no analysis makes progress, as a sentence, or None without an obstacle."""
    hindered = obstacle_of_worker(settings)
    if hindered is None and any(health.store_away for health in alive(settings)):
        return STORE_AWAY
    return hindered


def obstacle_of_worker(settings: Settings) -> str | None:
    """Return why a worker does nothing at all, also no training, as a sentence, or None without an obstacle."""
    if not has_room(settings):
        return DISK_FULL
    return None if alive(settings) else NO_WORKER


def has_room(settings: Settings) -> bool:
    """Return whether the data folder's disk has room for the next chunk of an analysis."""
    return shutil.disk_usage(settings.data_dir).free >= ROOM_BYTES


def refusal_of(error: Exception) -> FerError | None:
    """Return the refusal for an error that means a full disk, None for any other."""
    if isinstance(error, DiskFullError):
        # It may say more than that the disk is full.
        return error
    return DiskFullError() if disk_full(error) else None
