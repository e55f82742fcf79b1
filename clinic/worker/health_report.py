"""A worker's health report, which its threads change and write."""

from __future__ import annotations

import errno
import logging
import os
import threading
from dataclasses import replace
from typing import Any

from clinic import clock
from clinic.settings import Settings
from clinic.worker_health import WorkerHealth, write_health

log = logging.getLogger(__name__)


class HealthReport:
    """The report of the `number`-th worker of an installation."""

    def __init__(self, settings: Settings, number: int) -> None:
        self._settings = settings
        self._number = number
        self._lock = threading.Lock()
        self._last = WorkerHealth(pid=os.getpid(), at=clock.now())

    @property
    def last(self) -> WorkerHealth:
        """What was reported last."""
        return self._last

    def write(self, **changed: Any) -> None:
        """Write the report with what changed; one that can't be written ends nothing, since the next one may be."""
        with self._lock:
            self._last = replace(self._last, at=clock.now(), **changed)
            try:
                write_health(self._settings, self._last, self._number)
            except OSError as error:
                log.warning(
                    "the worker's report can't be written: %s", errno.errorcode.get(error.errno or 0, "OSError")
                )
