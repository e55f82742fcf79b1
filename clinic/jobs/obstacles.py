"""Why waiting and running analyses make no progress here: no room on the disk, or no worker that answers."""

from __future__ import annotations

import shutil

from clinic.settings import Settings
from clinic.worker.health import any_alive
from db.room import DiskFullError, disk_full
from fer_core.errors import FerError

ROOM_BYTES = 4 * 1024**2
"""What an analysis needs at least to write its next chunk, with the database's log and a preview."""
PAUSED = "An administrator has paused it."
DISK_FULL = "The disk is full: it goes on by itself when there is room again."
NO_WORKER = "The analysing part does not answer yet: it is started by itself."


def obstacle(settings: Settings) -> str | None:
    """Return why no analysis goes on, as a sentence, or None where nothing is in the way."""
    if not has_room(settings):
        return DISK_FULL
    return None if any_alive(settings) else NO_WORKER


def has_room(settings: Settings) -> bool:
    """Return whether the data folder's disk has room for the next chunk of an analysis."""
    return shutil.disk_usage(settings.data_dir).free >= ROOM_BYTES


def refusal_of(error: Exception) -> FerError | None:
    """Return the refusal of an error that says that the disk is full, None for any other."""
    return DiskFullError() if disk_full(error) else None
