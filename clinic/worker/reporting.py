"""Making a report that somebody asked for, with the rights of that account as they are now."""

from __future__ import annotations

import logging

from clinic.exchange import downloads
from clinic.reports import report_jobs, reports
from clinic.reports.report_jobs import ReportClaim
from clinic.settings import Settings
from clinic.worker.endings import INTERNAL_MESSAGE
from db.engine import Database
from db.models import JobState
from fer_core.errors import FerError

log = logging.getLogger(__name__)


class StoppedError(Exception):
    """The report was cancelled, or another worker has taken it over."""


def make(db: Database, settings: Settings, claimed: ReportClaim) -> None:
    """Make a claimed report and end it, whatever happens."""

    def reached(share: float) -> None:
        if not report_jobs.progress(db, claimed, share):
            raise StoppedError

    asked = (claimed.patient_id, claimed.asked, claimed.kind, claimed.seen)
    try:
        with report_jobs.held(db, claimed):
            ticket = reports.prepare(db, settings, claimed.actor, *asked, reached)
    except StoppedError:
        report_jobs.end(db, claimed, JobState.CANCELLED)
    except FerError as error:
        report_jobs.end(db, claimed, JobState.FAILED, message=error.message)
    except Exception as error:  # noqa: BLE001  # the worker goes on, and the page says that it failed
        log.error("a report failed: %s", type(error).__name__)
        report_jobs.end(db, claimed, JobState.FAILED, message=INTERNAL_MESSAGE)
    else:
        if not report_jobs.end(db, claimed, JobState.DONE, ticket=ticket):
            downloads.drop(settings, ticket)
