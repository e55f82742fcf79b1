"""Threads for what writes: it may wait for the database or a slow disk, and nothing that reads waits behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_WRITES = ThreadPoolExecutor(8, "writes")


async def to_write(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do what may write to the database in a thread of its own kind; return what it returns."""
    return await asyncio.get_running_loop().run_in_executor(_WRITES, partial(work, *args, **kwargs))
