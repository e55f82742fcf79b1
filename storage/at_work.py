"""Who works on a data folder: pages and workers hold a lock in it, which goes with their process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fer_core.errors import FerError

FIRST_WORKER = 1
"""The number of the worker that the pages start; others beside it on the same folder count on."""
PAGES = "pages.lock"
CHANGING = "changing.lock"
"""Who begins to work passes it; a command that changes the database or the key holds it alone."""
ASKED_WITHIN_S = 0.2
"""Somebody who only asks whether a lock is held (`pages_since`) has it for an instant."""


def running() -> FerError:
    """Return the refusal of a command that has to wait until the program is stopped."""
    return FerError(
        "The program is running. Please stop the pages and all workers first, on every machine.", "already_running"
    )


def changing() -> FerError:
    """Return the refusal of what may not begin while a command replaces or moves the database, or changes the key."""
    return FerError(
        "A command is changing the database or the key. Please start the program, or the other command, when it has"
        " ended.",
        "changing",
    )


@contextmanager
def beginning(folder: Path) -> Iterator[None]:
    """Begin to work on a folder that no command is changing, and keep such a command from beginning meanwhile.

    Raises FerError ``changing``.
    """
    lock = _locked(folder / CHANGING, fcntl.LOCK_SH)
    if lock is None:
        raise changing()
    try:
        yield
    finally:
        os.close(lock)


def hold_pages(folder: Path) -> None:
    """Say until the end of this process that pages are open on a folder; several may be.

    Raises FerError ``changing`` while a command changes the database or the key.
    """
    with beginning(folder):
        lock = _locked(folder / PAGES, fcntl.LOCK_SH)
    if lock is None:
        raise changing()
    os.utime(lock)


def pages_since(folder: Path) -> datetime | None:
    """Return when pages on a folder were last started, None where none are open. Writes nothing. Raises OSError."""
    try:
        lock = os.open(folder / PAGES, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return datetime.fromtimestamp(os.fstat(lock).st_mtime, UTC)
    else:
        return None
    finally:
        os.close(lock)


@contextmanager
def alone(folder: Path, number: int = FIRST_WORKER) -> Iterator[None]:
    """Hold the lock of the folder's `number`-th worker.

    Raises FerError ``already_running`` where another has it, and ``changing`` as `beginning` does.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with beginning(folder):
        lock = _locked(folder / ("worker.lock" if number == FIRST_WORKER else f"worker-{number}.lock"), fcntl.LOCK_EX)
    if lock is None:
        raise FerError("Another worker is running on this data folder.", "already_running")
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def nobody(folder: Path) -> Iterator[None]:
    """Hold all locks of a folder, so that nobody begins meanwhile; a folder that is not there stays so.

    Raises FerError ``already_running``, and ``changing`` where another command holds them.
    """
    with ExitStack() as held:
        if folder.is_dir():
            _hold(held, folder / CHANGING, changing())
        # Nobody passes any more: all who work here have a lock by now.
        for path in (folder / PAGES, *sorted(folder.glob("worker*.lock"))):
            if path.exists():
                _hold(held, path, running())
        yield


def _hold(held: ExitStack, path: Path, refusal: FerError) -> None:
    lock = _locked(path, fcntl.LOCK_EX)
    if lock is None:
        raise refusal
    held.callback(os.close, lock)


def _locked(path: Path, how: int) -> int | None:
    """Return the open lock, or None where somebody else holds it."""
    # Open for reading and writing: an NFS server asks for the one or the other, as the kind of lock is.
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + ASKED_WITHIN_S
    while True:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(lock)
                return None
            time.sleep(0.01)
        else:
            return lock
