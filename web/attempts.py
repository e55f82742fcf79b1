"""Attempts at a password or a code: few at once, few that wait, and few from one address."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from clinic.accounts.throttle import TooManyError

AT_ONCE, MOST_WAITING, MOST_OPEN_OF_ONE = 2, 10, 6
"""Attempts that are checked at once, that may wait, and that one address may have open, so that nobody waits long."""
BURST, REFILL_S = 20, 3.0
"""Failures that an address is free to make at once, and after how many seconds it has one more."""
MOST_ADDRESSES = 10_000
"""Addresses that are remembered; the one seen longest ago is forgotten first."""
BUSY_S = 5
T = TypeVar("T")


@dataclass(slots=True)
class _Budget:
    """What an address has left, and when that was computed."""

    left: float
    at: float


class AddressLimit:
    """A budget of attempts for each address; a correct one is given back. `clock` is for tests."""

    def __init__(self, burst: int, refill_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._refill_s, self._clock = burst, refill_s, clock
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str) -> None:
        """Take one attempt from an address's budget. Raises TooManyError where none is left."""
        with self._lock:
            budget = self._now(address)
            if budget.left < 1:
                raise TooManyError.after(math.ceil((1 - budget.left) * self._refill_s))
            budget.left -= 1

    def give_back(self, address: str) -> None:
        """Give a correct attempt back."""
        with self._lock:
            budget = self._now(address)
            budget.left = min(self._burst, budget.left + 1)

    def _now(self, address: str) -> _Budget:
        now = self._clock()
        budget = self._budgets.setdefault(address, _Budget(self._burst, now))
        self._budgets.move_to_end(address)
        budget.left = min(self._burst, budget.left + (now - budget.at) / self._refill_s)
        budget.at = now
        if len(self._budgets) > MOST_ADDRESSES:
            self._budgets.popitem(last=False)
        return budget


class Attempts:
    """Separate threads with a short queue, so that a flood of attempts keeps nobody waiting."""

    def __init__(self, name: str, at_once: int = AT_ONCE, limit: AddressLimit | None = None) -> None:
        self._threads, self._at_once = ThreadPoolExecutor(at_once, name), at_once
        self._limit = limit or AddressLimit(BURST, REFILL_S)
        self._open: Counter[str] = Counter()

    async def run(self, request: Request, work: Callable[[], T], proves: bool = True) -> T:
        """Run `work`, which checks a password or a code. Raises TooManyError before any check, and what it raises.

        To be called on the event loop alone, which keeps the count. `proves`: who gets through has shown a right
        password or code, so that the attempt is given back.
        """
        address = address_of(request)
        self._refuse_flood(address)
        self._limit.take(address)
        self._open[address] += 1
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._open[address] -= 1
            self._open += Counter()
        if proves:
            self._limit.give_back(address)
        return done

    def _refuse_flood(self, address: str) -> None:
        if self._open.total() >= self._at_once + MOST_WAITING or self._open[address] >= MOST_OPEN_OF_ONE:
            raise TooManyError(
                "Too many people are signing in right now. Please try again in a few seconds.",
                "sign_in_busy",
                BUSY_S,
            )


def address_of(request: Request) -> str:
    """Return the source of a request: an IPv4 address, or the network of an IPv6 address, which one person has."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False).network_address)
