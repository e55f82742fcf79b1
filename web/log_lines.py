"""Lines of the log that somebody outside can cause: a few of each kind a minute, so that none fills the disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

CAUSED_OUTSIDE = ("asyncio", "uvicorn.error", "web.gate", "web.window")
"""Loggers of connections: one line for each refused connection, two for each websocket."""
A_MINUTE, MINUTE_S = 20, 60.0


class Few(logging.Filter):
    """Lets so many lines of each kind through in a minute; the next minute's first says how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        # A kind is the line of the program that writes it: its text may hold what came from outside.
        kind, now = (record.pathname, record.lineno), self._clock()
        since, count = self._seen.get(kind, (now, 0))
        if now - since >= MINUTE_S:
            if count > A_MINUTE:
                record.msg = f"({count - A_MINUTE} more such lines in an earlier minute) {record.msg}"
            since, count = now, 0
        self._seen[kind] = since, count + 1
        return count < A_MINUTE


def keep_few() -> None:
    """Bound the lines of this process that are caused outside."""
    few = Few()
    for name in CAUSED_OUTSIDE:
        logging.getLogger(name).addFilter(few)
