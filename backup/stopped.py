"""The rule for whatever replaces or moves a database, or changes its key: the program is stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from db.connection import connections_of_others
from db.copies import sqlite_path
from storage import at_work

CLOSED_WITHIN_S = 2.0
"""A database server notices so soon that a process has ended."""


@contextmanager
def nobody_at_work(*places: str | Path) -> Iterator[None]:
    """See to it that neither pages nor workers use these databases (URLs) and data folders, on any machine.

    Nor does another command that waits for the same. Raises FerError ``already_running``, ``changing``.
    """
    folders = {found.resolve() for place in places if (found := _folder(place)) is not None}
    with ExitStack() as held:
        for folder in sorted(folders):
            held.enter_context(at_work.nobody(folder))
        for url in {place for place in places if isinstance(place, str)}:
            _refuse_connected(url)
        yield


def _folder(place: str | Path) -> Path | None:
    if isinstance(place, Path):
        return place
    path = sqlite_path(place)
    return path.absolute().parent if path is not None else None


def _refuse_connected(url: str) -> None:
    until = time.monotonic() + CLOSED_WITHIN_S
    while connections_of_others(url):
        if time.monotonic() > until:
            raise at_work.running()
        time.sleep(0.1)
