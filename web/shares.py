"""What one account may take of the server: how many windows and requests are open, and how fast messages come."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_WINDOWS = 40
"""Open websockets of one account: each holds a session of the pages, and so memory of the server."""
MOST_REQUESTS = 60
"""Open requests of one account beside the program's files: a browser has six, through a proxy with HTTP/2 more."""
BURST, A_SECOND, BYTES_OF_ONE = 400.0, 100.0, 8 << 10
"""Messages of one account to its pages: at once, and each second from then on. So many bytes more count as one more."""


class Open:
    """How many of a kind are open for each account."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_more(self, account_id: str, most: int) -> Iterator[bool]:
        """Count one as long as this is open; what comes is False where the account has `most` already."""
        if self._open[account_id] >= most:
            yield False
            return
        self._open[account_id] += 1
        try:
            yield True
        finally:
            self._open -= Counter({account_id: 1})


class Pace:
    """Lets messages wait that come faster than an account's share. For the server's loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def due_in(self, account_id: str, length: int) -> float:
        """Count a message of `length` bytes; return after how many seconds it may be read."""
        now = self._clock()
        left, at = self._left.get(account_id, (BURST, now))
        left = min(BURST, left + (now - at) * A_SECOND) - 1 - length / BYTES_OF_ONE
        self._left[account_id] = left, now
        return max(0.0, -left / A_SECOND)

    async def wait(self, account_id: str, length: int) -> None:
        """Wait until a message of `length` bytes may be read; what comes behind it waits in the other side's line."""
        seconds = self.due_in(account_id, length)
        if seconds:
            await asyncio.sleep(seconds)
