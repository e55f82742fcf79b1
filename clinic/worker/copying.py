"""Making a copy of a kept video: the patient's box and label, everything else unrecognisable, sealed as it is made."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import BinaryIO

from sqlalchemy import select

from clinic.exchange import downloads, video_copies
from clinic.exchange.downloads import Kind
from clinic.exchange.video_copies import CopyClaim
from clinic.patients.record_state import state_of
from clinic.recordings import stored_files, uploads
from clinic.settings import Settings
from clinic.worker.analysis import PROGRESS_EVERY_S
from clinic.worker.endings import INTERNAL_MESSAGE, StoppingError
from db.engine import Database
from db.models import Job, JobState, Recording
from db.records import NO_TRACK, SampleTable, load_samples
from fer_core.errors import Cancelled, FerError
from fer_core.types import Box, Face, FaceExpression, FrameResult, Status

HELD_S = 0.6
"""A box and its label are shown for so long after their sample at most, or two steps of the sampling."""

log = logging.getLogger(__name__)


def make(db: Database, settings: Settings, claimed: CopyClaim, go_on: Callable[[], None]) -> bool:
    """Make a claimed copy and end it, whatever happens; False where the media store is away, and the copy waits again.

    `go_on` is called often; it raises StoppingError.
    """
    try:
        ticket = _write(db, settings, claimed, go_on)
    except StoppingError:
        video_copies.end(db, claimed, JobState.QUEUED)
    except Cancelled:
        video_copies.end(db, claimed, JobState.CANCELLED)
    except Exception as error:  # noqa: BLE001  # the worker goes on, and the page says that it failed
        if _store_is_away(db, settings, claimed):
            video_copies.end(db, claimed, JobState.QUEUED)
            return False
        message = error.message if isinstance(error, FerError) else INTERNAL_MESSAGE
        if not isinstance(error, FerError):
            log.error("the copy of recording %s failed: %s", claimed.recording_id, type(error).__name__)
        video_copies.end(db, claimed, JobState.FAILED, message=message)
    else:
        if not video_copies.end(db, claimed, JobState.DONE, ticket=ticket):
            downloads.drop(settings, ticket)
    return True


def _store_is_away(db: Database, settings: Settings, claimed: CopyClaim) -> bool:
    with db.read() as session:
        return stored_files.is_away(session, settings, video_copies.files_of(session, claimed.recording_id))


def _write(db: Database, settings: Settings, claimed: CopyClaim, go_on: Callable[[], None]) -> str:
    # Not at the top: nothing else of the worker writes videos.
    from fer_core.media.annotate import annotate

    with db.read() as session:
        job = session.scalars(select(Job).where(Job.recording_id == claimed.recording_id)).one()
        recording = session.get_one(Recording, claimed.recording_id)
        video_copies.need_labels(session, recording)
        every_s = float(recording.settings.get("every_s") or 0.0)
        state = state_of(session, claimed.patient_id)
        found, upload_id = results(load_samples(session, claimed.recording_id)), job.sources[0]["id"]
    reported_at = float("-inf")

    def report(time_s: float) -> None:
        nonlocal reported_at
        go_on()
        if time.monotonic() - reported_at < PROGRESS_EVERY_S:
            return
        reported_at = time.monotonic()
        if not video_copies.progress(db, claimed, time_s):
            raise Cancelled

    def write(target: BinaryIO) -> None:
        with uploads.open_stored(settings, upload_id) as source:
            annotate(source, found, target, patient=0, held_s=max(HELD_S, 2 * every_s), report=report)

    return downloads.keep(settings, claimed.account_id, claimed.patient_id, state, Kind.VIDEO, write, with_files=True)


def results(samples: SampleTable) -> list[FrameResult]:
    """Return stored samples of one patient as the core has them, the patient's face as track 0."""
    rows = zip(
        samples.frame_index.tolist(),
        samples.time_s.tolist(),
        samples.track.tolist(),
        samples.status.tolist(),
        samples.boxes.tolist(),
        samples.confidence.tolist(),
        samples.probabilities.tolist(),
        strict=True,
    )
    found = []
    for index, time_s, track, status, corners, confidence, outputs in rows:
        faces: tuple[FaceExpression, ...] = ()
        if track != NO_TRACK:
            known = tuple(outputs) if Status(status).usable else None
            faces = (FaceExpression(Face(Box(*corners), confidence), Status(status), known),)
        found.append(FrameResult(index, time_s, faces))
    return found
