"""For commands that change what a running program relies on: the key, or which database it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from clinic.settings import Settings
from clinic.worker import worker
from fer_core.errors import FerError

MOST_WORKERS = 64
"""Worker numbers that are checked."""


@contextmanager
def nobody_at_work(settings: Settings) -> Iterator[None]:
    """Hold the locks of all workers of the data folder; the pages always have one.

    Raises FerError ``already_running``.
    """
    with ExitStack() as held:
        for number in range(worker.FIRST, MOST_WORKERS):
            if number == worker.FIRST or (settings.data_dir / f"worker-{number}.lock").exists():
                try:
                    held.enter_context(worker.alone(settings, number))
                except FerError:
                    raise FerError(
                        "The program is running. Please stop the pages and all workers first, on every machine.",
                        "already_running",
                    ) from None
        yield
