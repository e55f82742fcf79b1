"""Whether the media store is there while a worker works: where it is not, what needs it waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from clinic.recordings import stored_files
from clinic.settings import Settings
from clinic.worker.health_report import HealthReport
from db.engine import Database

STORE_EVERY_S = 5.0
"""So often a worker asks whether a media store is back that was not there."""
IDLE_EVERY_S = 60.0
"""So often it asks while nothing waits: what is refused for want of the store never comes to wait."""

log = logging.getLogger(__name__)


class StoreWatch:
    """Asks for the media store, and writes into the worker's report where the answer is new."""

    def __init__(self, db: Database, settings: Settings, report: HealthReport) -> None:
        self._db = db
        self._settings = settings
        self._report = report
        self._asked = float("-inf")

    def is_away(self, wanted: Sequence[str] | None) -> bool:
        """Return whether the media store is not there, where jobs want these files from it (None: no job waits)."""
        known = self._report.last.store_away
        since = time.monotonic() - self._asked
        if (known and since < STORE_EVERY_S) or (wanted is None and not known and since < IDLE_EVERY_S):
            return known
        with self._db.read() as session:
            away = stored_files.is_away(session, self._settings, wanted or ())
        self.note(away)
        return away

    def note(self, away: bool) -> None:
        """Remember whether the media store is there."""
        self._asked = time.monotonic()
        if away is self._report.last.store_away:
            return
        log.warning("the media store is %s", "not there: what needs it waits" if away else "there again")
        self._report.write(store_away=away)
