"""A training beside other work: it takes what the analysis of recordings leaves, and ends with who started it."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARENT_GONE = 70
"""Exit code (EX_SOFTWARE of sysexits.h): the parent ended without ending this process."""


def step_back(nice: int) -> None:
    """Step back behind other work, 0 to 19, and end this process as soon as its standard input is closed.

    The parent holds the other end of a pipe, which the system closes whatever the parent dies of.
    """
    os.nice(nice)
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    # At once: what was written is whole, and the next process goes on from the last epoch.
    os._exit(PARENT_GONE)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder, and wait for it while another process has it; it goes with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
