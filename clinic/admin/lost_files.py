"""Kept files that are not in the media store any more: whose they are, and that the clinic accepts their loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit
from clinic.audit import AuditAction
from clinic.recordings import stored_files
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, Recording
from storage.media import open_store


@dataclass(frozen=True, slots=True)
class LostFiles:
    """How many files of each recording are missing, by the ids of patient and recording; of how many that were kept."""

    of_recording: Mapping[tuple[str, str], int]
    kept: int

    @property
    def count(self) -> int:
        """How many are missing."""
        return sum(self.of_recording.values())


def find(db: Database, settings: Settings, accept: bool = False) -> LostFiles:
    """Return which kept files are missing; `accept`: they are not missed from now on. None of them is deleted.

    Raises FerError ``media_unreachable``: what does not answer is not lost.
    """
    there = {file.id for file in open_store(settings).files() if file.whole}
    with db.session() if accept else db.read() as session:
        kept = stored_files.expected(session, settings).kept
        found = _missing(session, kept - there, accept)
        if accept and found:
            audit.write(session, AuditAction.LOSS_ACCEPTED, console=True, files=sum(found.values()))
        return LostFiles(found, len(kept))


def _missing(session: Session, gone: frozenset[str], accept: bool) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    jobs = select(Job, Recording).join(Recording, Recording.id == Job.recording_id)
    jobs = jobs.where(stored_files.ANALYSED, ~access.staged(Recording.patient_id))
    for job, recording in session.execute(jobs.order_by(Job.number)) if gone else ():
        own = [one["id"] for one in job.sources if one["id"] in gone]
        if own:
            found[recording.patient_id, recording.id] = len(own)
        if own and accept:
            job.sources = [{**one, stored_files.LOST: True} if one["id"] in gone else one for one in job.sources]
    return found
