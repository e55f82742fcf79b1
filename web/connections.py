"""Connections that hold a place for nothing: closed after a while, and the oldest at once where there are many.

uvicorn closes one that was answered and is quiet since. One that never asks, or only half, or takes nothing of its
answer, it keeps for ever. A thousand of them take every file descriptor of the process: nobody else gets in.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import uvicorn

ASKED_WITHIN_S = 20.0
"""The head of a request comes within this time, also over a slow line."""
TAKEN_WITHIN_S, LEAST_BYTES = 60.0, 16 << 10
"""Of an answer that waits for its reader so much is taken within this time: a telephone's slowest line takes more."""
MOST_WITHOUT = 400
"""Connections without a request. A browser has six at most, and uvicorn ends those that are quiet after 5 s."""
LOOKED_EVERY_S = 1.0
DESCRIPTORS = 8192
"""Files and connections that the process may have open, where the system lets it: many systems begin with 1,024."""
_ACKED = slice(120, 128)
"""Where Linux's TCP_INFO says how many bytes the other side has received (tcpi_bytes_acked)."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A connection's last request, how many bytes of answers were taken, and since when (s) it is so."""

    cycle: Any
    taken: int
    since: float


class Connections:
    """Remembers since when each connection has had no request under way, or has taken nothing. For the loop alone."""

    def __init__(self, most_open: int = DESCRIPTORS // 2) -> None:
        self._known: dict[Any, _Standing] = {}
        self._most_open = most_open

    def close_due(self, connections: Collection[Any], now: float) -> int:
        """Close what is due of uvicorn's open connections; return how many were. `now`: seconds."""
        requests = [one for one in connections if hasattr(one, "cycle")]
        self._known = {one: self._standing(one, now) for one in requests}
        oldest = sorted(requests, key=lambda one: self._known[one].since)
        idle = [one for one in oldest if _is_idle(one)]
        due = set(idle[: max(0, len(idle) - MOST_WITHOUT)]) | {one for one in oldest if self._is_late(one, now)}
        due |= set(_crowding(oldest, len(connections) - self._most_open))
        for one in due:
            one.transport.abort()
        return len(due)

    def _standing(self, connection: Any, now: float) -> _Standing:
        fresh = _Standing(connection.cycle, _taken(connection), now)
        known = self._known.get(connection, fresh)
        if _is_idle(connection):
            return known if known.cycle is fresh.cycle else fresh
        moves = not _waits(connection) or abs(fresh.taken - known.taken) >= LEAST_BYTES
        return fresh if moves else known

    def _is_late(self, connection: Any, now: float) -> bool:
        within = ASKED_WITHIN_S if _is_idle(connection) else TAKEN_WITHIN_S
        return now - self._known[connection].since >= within


def _is_idle(connection: Any) -> bool:
    """Return whether a connection has no request that is being answered; a websocket has one as long as it is open."""
    if not hasattr(connection, "cycle"):
        return False
    return connection.cycle is None or (bool(connection.cycle.response_complete) and not _waits(connection))


def _waits(connection: Any) -> bool:
    """Return whether a part of an answer waits until the other side takes what was sent before."""
    return bool(connection.transport.get_write_buffer_size())


def _taken(connection: Any) -> int:
    """Return a number that changes by as many bytes as the other side takes, or the system where it doesn't tell."""
    with suppress(AttributeError, OSError):
        found = connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)
        if len(found[_ACKED]) == 8:
            return int.from_bytes(found[_ACKED], sys.byteorder)
    return int(connection.transport.get_write_buffer_size())


def _crowding(oldest: Sequence[Any], too_many: int) -> list[Any]:
    """Return so many connections that make room: the oldest of the addresses that have most of them."""
    if too_many <= 0:
        return []
    of_address = Counter(_address(one) for one in oldest)
    return sorted(oldest, key=lambda one: -of_address[_address(one)])[:too_many]


def _address(connection: Any) -> str:
    return connection.client[0] if connection.client else ""


async def keep_closing(server: uvicorn.Server) -> None:
    """Close what is due, until this is cancelled."""
    known = Connections(_allowed() // 2)
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


def _allowed() -> int:
    """Return how many files and connections this process may have open, at most `DESCRIPTORS`."""
    with suppress(ImportError, OSError):
        import resource  # not on every system

        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return DESCRIPTORS if soft == resource.RLIM_INFINITY else min(soft, DESCRIPTORS)
    return DESCRIPTORS
