"""Keeps one worker process alive beside the web process, and ends it with it."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from clinic.children import PROGRAM_DIR, environment_of
from clinic.settings import Settings

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
SETTLED_S = 60.0
"""A worker that lived so long was well: the pause before the next start is short again."""
END_WITHIN_S, KILLED_WITHIN_S = 2.5, 1.0

log = logging.getLogger(__name__)


class Supervisor:
    """Starts ``python -m clinic worker`` as a child and starts it again, after a growing pause, when it dies.

    `command` is what is run, for tests. The child has its own process group, so that all of it can be ended.
    """

    def __init__(self, settings: Settings, command: Sequence[str] | None = None) -> None:
        self._settings = settings
        self._command = command or (sys.executable, "-m", "clinic", "worker", "--parent", str(os.getpid()))
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def ensure(self) -> None:
        """Ensure that a worker runs. May be called at any time, from any thread."""
        with self._lock:
            if self._ending.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            if self._thread is None:
                atexit.register(self.stop)
            self._thread = threading.Thread(target=self._keep, name="worker-supervisor", daemon=True)
            self._thread.start()

    def stop(self, within_s: float = END_WITHIN_S) -> None:
        """End the worker: first by asking, after `within_s` seconds by force. It can't be started again."""
        self._ending.set()
        with self._lock:
            child = self._child
        if child is None or child.poll() is not None:
            return
        _signal_group(child, signal.SIGTERM)
        try:
            child.wait(within_s)
        except subprocess.TimeoutExpired:
            _signal_group(child, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                # One that waits for a disk ends when the disk answers; this process must not wait for that too.
                child.wait(KILLED_WITHIN_S)

    @property
    def pid(self) -> int | None:
        """The worker's process id, or None while none runs."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._ending.is_set():
            started = time.monotonic()
            with self._lock:
                # Under the lock: stop() either sees this child or has forbidden it.
                if self._ending.is_set():
                    return
                self._child = self._started()
            code = self._child.wait() if self._child is not None else "none: it could not be started"
            if self._ending.is_set():
                return
            pause_s = FIRST_PAUSE_S if time.monotonic() - started > SETTLED_S else pause_s
            log.warning("the worker ended with code %s; next start in %.0f s", code, pause_s)
            self._ending.wait(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    def _started(self) -> subprocess.Popen[bytes] | None:
        """Start the worker, or return None where the system has nothing left for another process."""
        try:
            return self._start()
        except OSError:
            return None

    def _start(self) -> subprocess.Popen[bytes]:
        environment = environment_of(self._settings)
        return subprocess.Popen(
            self._command, cwd=PROGRAM_DIR, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return
