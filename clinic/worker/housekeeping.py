"""What a worker clears away between analyses: erasures that were interrupted, and files that nobody needs."""

from __future__ import annotations

import logging

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from clinic.erasure import deletion, withdrawal
from clinic.exchange import downloads, import_queue
from clinic.jobs import previews
from clinic.patients.states import UNDER_WAY
from clinic.questionnaires import patient_mode
from clinic.recordings import uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Job
from fer_core.errors import FerError

log = logging.getLogger(__name__)


def finish_erasures(db: Database, settings: Settings) -> None:
    """Finish the erasures that were interrupted."""
    deletion.finish_erasures(db, settings)
    db.forget_deleted()


def empty_log(db: Database) -> None:
    """Empty the database's log where a reader kept an erasure from it."""
    try:
        if db.being_removed() and db.forget_deleted():
            log.info("what was erased has left the database's log")
    except (OSError, DBAPIError) as error:
        log.warning("the database's log can't be emptied: %s", type(error).__name__)


def sweep(db: Database, settings: Settings) -> None:
    """Delete files and previews that have served, and what a withdrawal that was interrupted left."""
    withdrawal.finish(db, settings)
    try:
        uploads.sweep(settings, db)
    except FerError as error:
        log.warning("what lies in the media store is not swept: %s", error.message)
    downloads.sweep(settings)
    import_queue.sweep(db)
    patient_mode.sweep(db)
    with db.read() as session:
        kept = frozenset(session.scalars(select(Job.recording_id).where(Job.state.in_(UNDER_WAY))))
    previews.sweep(settings, kept)
