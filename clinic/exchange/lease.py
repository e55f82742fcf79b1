"""What a worker makes because somebody asked for it: taken by a lease, renewed while it is made, ended by its token.

For the tables that have the columns of `db.models.VideoCopy`; which of its rows may be asked for is its own module's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from clinic import clock
from db.engine import Database
from db.models import JobState, ReportJob, VideoCopy

Row = TypeVar("Row", VideoCopy, ReportJob)

LEASE = timedelta(seconds=60)
RENEWED_EVERY_S = 15.0
MAX_ATTEMPTS = 3
OPEN = (JobState.QUEUED, JobState.RUNNING)

log = logging.getLogger(__name__)


def waiting(session: Session, table: type[Row]) -> Row | None:
    """Return the row that waits longest, or whose worker died; None where there is none."""
    lost = (table.state == JobState.RUNNING) & ~clock.pending(table.lease_until, LEASE, clock.now())
    found = select(table).where(or_(table.state == JobState.QUEUED, lost))
    return session.scalar(found.order_by(table.number).limit(1))


def over(row: VideoCopy | ReportJob) -> JobState | None:
    """Return how a row ends that no worker takes any more, None for one that may be taken."""
    if row.cancel_requested:
        return JobState.CANCELLED
    return JobState.FAILED if row.attempts >= MAX_ATTEMPTS else None


def take(row: VideoCopy | ReportJob) -> int:
    """Give a row to a worker, and return the token by which this one writes."""
    row.state, row.attempts = JobState.RUNNING, row.attempts + 1
    renew(row)
    return row.attempts


def held(session: Session, table: type[Row], row_id: str, token: int) -> Row | None:
    """Return the row where the worker with this token still holds it."""
    row = session.get(table, row_id)
    mine = row is not None and row.attempts == token and row.state == JobState.RUNNING
    return row if mine else None


def renew(row: VideoCopy | ReportJob) -> None:
    """Let the lease last from now on."""
    row.lease_until = clock.now() + LEASE


@contextmanager
def kept(db: Database, table: type[Row], row_id: str, token: int) -> Iterator[None]:
    """Renew a lease by a thread of its own while something is made that can't do so itself."""
    ended = threading.Event()
    thread = threading.Thread(target=_keep, args=(db, table, row_id, token, ended), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _keep(db: Database, table: type[Row], row_id: str, token: int, ended: threading.Event) -> None:
    while not ended.wait(RENEWED_EVERY_S):
        try:
            with db.session() as session:
                row = held(session, table, row_id, token)
                if row is None:
                    return
                renew(row)
        except (OSError, DBAPIError) as error:
            # The next time may succeed; where none does, another worker makes it and this one's file is dropped.
            log.warning("a lease can't be renewed: %s", type(error).__name__)
