"""What work takes: processor time and memory of this process and of those that it started, which read files for it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

LOOK_EVERY_S = 0.2
"""A look goes over all processes of the computer, which takes milliseconds."""


class Spent:
    """A context that measures what is done in it.

    `wall_s`, `cpu_s`; `peak_mb`, the most that all processes held at once; `process_mb`, the most that one held.
    """

    def __enter__(self) -> Spent:
        self._me = psutil.Process()
        self._others_mb, self._other_mb, self._over = 0.0, 0.0, threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._begun, self._cpu_s = time.perf_counter(), self._cpu()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s, self.cpu_s = time.perf_counter() - self._begun, self._cpu() - self._cpu_s
        self._over.set()
        self._watcher.join()
        own_mb = own_peak_mb()
        self.peak_mb, self.process_mb = own_mb + self._others_mb, max(own_mb, self._other_mb)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            others = [_held_mb(one) for one in self._me.children(recursive=True)]
            self._others_mb = max(self._others_mb, sum(others))
            self._other_mb = max(self._other_mb, *others, 0.0)

    def _cpu(self) -> float:
        """Return the processor time of this process, of those it started, and of those that they waited for."""
        own = self._me.cpu_times()
        found = own.user + own.system
        for one in self._me.children(recursive=True):
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            found += times.user + times.system + times.children_user + times.children_system
        return float(found)


def own_peak_mb() -> float:
    """Return the most memory that this process ever held.

    Not what `getrusage` says: on Linux that is at least what the process held that started this one.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return float(psutil.Process().memory_info().rss / 1e6)
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def _held_mb(process: psutil.Process) -> float:
    """Return what a process holds, its part of shared memory where the system says it, else all of that memory."""
    try:
        return float(getattr(process.memory_full_info(), "pss", process.memory_info().rss) / 1e6)
    except psutil.AccessDenied:
        return float(process.memory_info().rss / 1e6)
    except psutil.NoSuchProcess:
        return 0.0
