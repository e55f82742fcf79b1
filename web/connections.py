"""Connections over which no request comes: closed after a while, and the oldest at once where there are many.

uvicorn closes one that was answered and is quiet since. One that never asks, or only half, or goes on sending after its
answer, it keeps for ever. A thousand of them take every file descriptor of the process: nobody else gets in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import uvicorn

ASKED_WITHIN_S = 20.0
"""The head of a request comes within this time, also over a slow line."""
MOST_WITHOUT = 400
"""Connections without a request. A browser has six at most, and uvicorn ends those that are quiet after 5 s."""
LOOKED_EVERY_S = 1.0
DESCRIPTORS = 8192
"""Files and connections that the process may have open, where the system lets it: many systems begin with 1,024."""


class Connections:
    """Remembers since when each connection has had no request under way. For the server's loop alone."""

    def __init__(self) -> None:
        self._since: dict[Any, tuple[Any, float]] = {}

    def close_due(self, connections: Collection[Any], now: float) -> int:
        """Close what is due of uvicorn's open connections; return how many were. `now`: seconds."""
        idle = [one for one in connections if _is_idle(one)]
        self._since = {one: self._known(one, now) for one in idle}
        idle.sort(key=lambda one: self._since[one][1])
        too_many = max(0, len(idle) - MOST_WITHOUT)
        due = [one for place, one in enumerate(idle) if place < too_many or now - self._since[one][1] >= ASKED_WITHIN_S]
        for one in due:
            one.transport.abort()
        return len(due)

    def _known(self, connection: Any, now: float) -> tuple[Any, float]:
        """Return the last request of a connection, and since when that has been answered."""
        last, since = self._since.get(connection, (None, now))
        return (last, since) if last is connection.cycle else (connection.cycle, now)


def _is_idle(connection: Any) -> bool:
    """Return whether a connection has no request that is being answered; a websocket has one as long as it is open."""
    if not hasattr(connection, "cycle"):
        return False
    return connection.cycle is None or bool(connection.cycle.response_complete)


async def keep_closing(server: uvicorn.Server) -> None:
    """Close what is due, until this is cancelled."""
    known = Connections()
    while True:
        await asyncio.sleep(LOOKED_EVERY_S)
        known.close_due(server.server_state.connections, time.monotonic())


def allow_more() -> None:
    """Let this process open as many files and connections as the system allows it, up to `DESCRIPTORS`."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # not on every system

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
