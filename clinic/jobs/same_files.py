"""Whether files that are handed in for a patient are stored already: for this patient or another one, alone or among
others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from clinic import access
from clinic.access import Actor
from clinic.patients.subject import Subject, subject_of
from db.engine import Database
from db.models import Job, Patient, Recording, RecordingKind


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Recordings of other patients with the same files: those that the acting user may see, and whether there are more.

    Of the others, only their existence is reported.
    """

    seen: tuple[Subject, ...]
    more: bool


def elsewhere(db: Database, actor: Actor, patient_id: str, sha256s: Sequence[str]) -> Elsewhere:
    """Return the other patients for whom these files are stored: together, separately, or among others.

    `sha256s`: of the files' content.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        account = access.require_writer_of(session, actor, patient_id)
        found = session.execute(
            select(Recording, Patient, Patient.id.in_(access.visible(account)))
            .join(Patient, Patient.id == Recording.patient_id)
            .where(Recording.id.in_(holding(session, sha256s)), Recording.current)
            .where(Recording.patient_id != patient_id, ~access.staged(Recording.patient_id))
            .order_by(Recording.number)
        ).all()
        seen = tuple(subject_of(recording, patient) for recording, patient, visible in found if visible)
        return Elsewhere(seen, more=len(seen) < len(found))


def here(db: Database, actor: Actor, patient_id: str, sha256s: Sequence[str]) -> list[tuple[Subject, int]]:
    """Return the recordings of the patient that hold some of these files, and how many of them.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        held, patient = holding(session, sha256s), session.get_one(Patient, patient_id)
        asked = select(Recording).where(Recording.id.in_(held), Recording.patient_id == patient_id, Recording.current)
        found = session.scalars(asked.order_by(Recording.number))
        return [(subject_of(recording, patient), len(held[recording.id])) for recording in found]


def holding(session: Session, sha256s: Sequence[str]) -> dict[str, set[str]]:
    """Return by recording which of these files it holds, for all patients: the caller has checked the rights."""
    wanted, together = set(sha256s), digest_of(sha256s)
    asked = (
        select(Recording.id, Recording.source_sha256, Job.sources)
        .outerjoin(Job, Job.recording_id == Recording.id)
        .where(or_(Recording.source_sha256.in_({together, *wanted}), Recording.kind == RecordingKind.PICTURES))
    )
    found = {}
    for recording_id, digest, sources in session.execute(asked):
        held = {digest, *(source.get("sha256") for source in sources or ())} & wanted
        if digest == together or held:
            found[recording_id] = wanted if digest == together else held
    return found


def digest_of(sha256s: Sequence[str]) -> str:
    """Return one SHA-256 for files: a single file's own, or the hash of several hashes in a fixed order."""
    return sha256s[0] if len(sha256s) == 1 else hashlib.sha256("".join(sorted(sha256s)).encode()).hexdigest()
