"""Take the next items while the last ones are being worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.1


def prefetch(items: Iterable[T], depth: int = 4) -> Generator[T, None, None]:
    """Yield the items in their order, taken by a thread of its own up to `depth` ahead.

    What the items raise is raised here at its place. When this iterator is closed or dropped, the thread ends.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(entry: tuple[T | None, BaseException | None, bool]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(entry, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def take() -> None:
        try:
            for item in items:
                if not put((item, None, False)):
                    return
        except BaseException as error:  # noqa: BLE001 handed over to the consumer
            put((None, error, True))
            return
        put((None, None, True))

    thread = threading.Thread(target=take, daemon=True, name="prefetch")
    thread.start()
    try:
        while True:
            item, error, last = waiting.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
