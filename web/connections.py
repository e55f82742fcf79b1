"""Connections that hold a place for nothing: closed after a while, and the oldest at once where there are many.

uvicorn closes one that was answered and is quiet since. One that never asks, or only half, or sends no more of its
request's body, or takes nothing of its answer, it keeps for ever. A thousand of them take every file descriptor of the
process: nobody else gets in.
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
MOVES_WITHIN_S, LEAST_BYTES = 60.0, 16 << 10
"""Of an answer that waits for its reader so much is taken within this time, and of a body that is not whole so much
comes: a telephone's slowest line takes more."""
MOST_WITHOUT = 400
"""Connections without a request. A browser has six at most, and uvicorn ends those that are quiet after 5 s."""
LOOKED_EVERY_S = 1.0
DESCRIPTORS = 8192
"""Files and connections that the process may have open, where the system lets it: many systems begin with 1,024."""
_ACKED, _RECEIVED = slice(120, 128), slice(128, 136)
"""Where Linux's TCP_INFO says how many bytes the other side has received, and how many came (tcpi_bytes_acked and
tcpi_bytes_received)."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A connection's last request, how many bytes went the way that is waited for, and since when (s) it is so."""

    cycle: Any
    went: int
    since: float


class Connections:
    """Remembers since when each connection has had no request under way, or has stood still. For the loop alone."""

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
        fresh = _Standing(connection.cycle, _went(connection), now)
        known = self._known.get(connection, fresh)
        new = known.cycle is not fresh.cycle
        if _is_idle(connection):
            return fresh if new else known
        may_stand = _waits(connection) or (_wants_body(connection) and not new)
        moves = not may_stand or abs(fresh.went - known.went) >= LEAST_BYTES
        return fresh if moves else known

    def _is_late(self, connection: Any, now: float) -> bool:
        within = ASKED_WITHIN_S if _is_idle(connection) else MOVES_WITHIN_S
        return now - self._known[connection].since >= within


def _is_idle(connection: Any) -> bool:
    """Return whether a connection has no request that is being answered; a websocket has one as long as it is open."""
    if not hasattr(connection, "cycle"):
        return False
    return connection.cycle is None or (bool(connection.cycle.response_complete) and not _waits(connection))


def _waits(connection: Any) -> bool:
    """Return whether a part of an answer waits until the other side takes what was sent before."""
    return bool(connection.transport.get_write_buffer_size())


def _wants_body(connection: Any) -> bool:
    """Return whether all that came of a body is read, and more has to come. Only where the system tells what comes."""
    cycle = connection.cycle
    return cycle.more_body and not cycle.body and _tcp_info(connection) is not None


def _went(connection: Any) -> int:
    """Return a number that changes by as many bytes as went: of an answer that waits, or else of what comes."""
    info = _tcp_info(connection)
    if info is None:
        return int(connection.transport.get_write_buffer_size())
    return int.from_bytes(info[_ACKED if _waits(connection) else _RECEIVED], sys.byteorder)


def _tcp_info(connection: Any) -> bytes | None:
    """Return what Linux knows of a connection, None on another system."""
    with suppress(AttributeError, OSError):
        found: bytes = connection.transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, 136
        )
        return found if len(found) == 136 else None
    return None


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
