"""Early ends of an analysis: what the job then says, and which files are deleted."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from clinic.consent import consent
from clinic.consent.consent import ConsentError, Scope
from clinic.jobs import leases, previews
from clinic.jobs.leases import Claim, LeaseLostError
from clinic.recordings import uploads
from clinic.settings import Settings
from db.engine import Database
from fer_core.errors import Cancelled, FerError, ModelError
from fer_core.media.process import ReaderError
from storage.keys import MasterKeyError

INTERNAL_CODE = "internal_error"
INTERNAL_MESSAGE = "The analysis failed because of an error in this program. Please try again."

log = logging.getLogger(__name__)


class StoppingError(Exception):
    """The worker is asked to end, or the analysis is paused: the job goes back to the queue, its chunks stay."""


def end_early(db: Database, settings: Settings, claimed: Claim, error: Exception) -> None:
    """Write into the job why it ended before its end, and delete what is not needed for another try."""
    try:
        if isinstance(error, StoppingError):
            leases.give_back(db, claimed)
            return
        if isinstance(error, Cancelled) or _withdrawn(error):
            leases.end_cancelled(db, claimed)
        elif isinstance(error, FerError):
            leases.fail(db, claimed, error.code, error.message)
        else:
            log.error("analysis of recording %s failed: %s", claimed.recording_id, _where(error))
            leases.fail(db, claimed, INTERNAL_CODE, INTERNAL_MESSAGE)
    except LeaseLostError as lost:
        if lost.job_gone:
            clear(settings, claimed)
        return
    if isinstance(error, FerError) and not _ours(error):
        clear(settings, claimed)
    else:
        previews.remove(settings, claimed.recording_id)


def may_keep(db: Database, settings: Settings, claimed: Claim) -> bool:
    """Return whether files stay after the analysis: those of an older version do, new ones with consent alone."""
    if not settings.keep_files or claimed.again:
        return settings.keep_files
    with db.read() as session:
        return consent.missing(session, claimed.patient_id, Scope.KEEP_VIDEO) is None


def clear(settings: Settings, claimed: Claim) -> None:
    """Delete the pictures of an analysis, and its files unless they are an older version's."""
    if not claimed.again:
        uploads.discard(settings, uploads_of(claimed))
    previews.remove(settings, claimed.recording_id)


def _ours(error: FerError) -> bool:
    """Return whether an error lies elsewhere than in the file, so that another try may help.

    A consent may be recorded, or renewed; where it was withdrawn the files go.
    """
    if isinstance(error, ConsentError):
        return not _withdrawn(error)
    return isinstance(error, (ModelError, MasterKeyError, ReaderError)) or error.code == "wrong_key"


def _withdrawn(error: Exception) -> bool:
    return isinstance(error, ConsentError) and error.code == consent.WITHDRAWN


def uploads_of(claimed: Claim) -> list[str]:
    """Return the ids of the files that a job analyses."""
    return [source["id"] for source in claimed.sources]


def _where(error: BaseException) -> str:
    """Return an error's type and place without its message, which might identify the patient."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    return f"{type(error).__name__} at {place}"
