"""Kept files that are not in the media store any more: whose they are, and that the clinic accepts their loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit
from clinic.admin.process_checks import NOT_THERE
from clinic.audit import AuditAction
from clinic.recordings import store_mark, stored_files
from clinic.recordings.store_mark import Mark
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, Recording
from fer_core.errors import FerError
from storage.media import open_store


@dataclass(frozen=True, slots=True)
class LostFiles:
    """How many files of each recording are missing, by the ids of patient and recording; of how many that were kept.

    `other`: in a sentence, that the store is not the one of before.
    """

    of_recording: Mapping[tuple[str, str], int]
    kept: int
    other: str | None = None

    @property
    def count(self) -> int:
        """How many are missing."""
        return sum(self.of_recording.values())


def find(db: Database, settings: Settings, accept: bool = False) -> LostFiles:
    """Return which kept files are missing; `accept`: they are not missed from now on. None of them is deleted.

    The store is the clinic's from then on, also where it is a new one. Raises FerError ``media_unreachable``: what does
    not answer is not lost; ``store_away`` where the store is another clinic's.
    """
    media = open_store(settings)
    there = {file.id for file in media.files() if file.whole}
    with db.session() if accept else db.read() as session:
        named, clinic_id = stored_files.expected(session, settings), store_mark.own_id(session)
        mark, kept = store_mark.look(settings, media, clinic_id), named.kept
        other = stored_files.not_its_own(mark, named, there)
        if mark is Mark.OTHERS:
            raise FerError(f"{other} {NOT_THERE}", stored_files.CODE_AWAY)
        if accept:
            store_mark.put(settings, media, clinic_id)
        found = _missing(session, kept - there, accept)
        if accept and found:
            audit.write(session, AuditAction.LOSS_ACCEPTED, console=True, files=sum(found.values()))
        return LostFiles(found, len(kept), other)


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
