"""Requests to end this process (SIGTERM, Ctrl+C), noticed at once even while its main thread is inside a library.

Python runs a signal's handler on the main thread, when that returns from the library. The byte that it writes for each
signal comes at once, and a thread that waits for it needs no other thread.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

REQUESTS = frozenset({signal.SIGTERM, signal.SIGINT})
SWITCH_S = 0.0005
"""Threads that end a process take turns with those that still work: so soon each of them makes room."""


def on_request(act: Callable[[], None]) -> None:
    """Call `act` once, on a thread of its own, when this process is asked to end. For the main thread alone.

    The signals need a handler beside it: without one they end the process at once.
    """
    # What `cut_off_after` relies on, and only the main thread may set.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading, act), name="ending", daemon=True).start()


def cut_off_after(seconds: float) -> None:
    """Let the system end this process after so long, whatever its threads do then."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _wait(reading: int, act: Callable[[], None]) -> None:
    while not REQUESTS & set(os.read(reading, 64)):
        continue
    sys.setswitchinterval(SWITCH_S)
    act()
