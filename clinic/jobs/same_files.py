"""Whether files that are about to be handed in for a patient are stored for another one already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from clinic import access
from clinic.access import Actor
from clinic.jobs.jobs import digest_of
from clinic.patients.subject import Subject, subject_of
from db.engine import Database
from db.models import Patient, Recording


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Recordings of other patients with the same files: those that the acting user may see, and whether there are more.

    Of the others nothing is told but that they are there.
    """

    seen: tuple[Subject, ...]
    more: bool


def elsewhere(db: Database, actor: Actor, patient_id: str, sha256s: Sequence[str]) -> Elsewhere:
    """Return where else these files are stored, together or each by itself. `sha256s`: of the files' content.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        account = access.require_writer_of(session, actor, patient_id)
        found = session.execute(
            select(Recording, Patient, Patient.id.in_(access.visible(account)))
            .join(Patient, Patient.id == Recording.patient_id)
            .where(Recording.source_sha256.in_({digest_of(sha256s), *sha256s}), Recording.current)
            .where(Recording.patient_id != patient_id, ~access.staged(Recording.patient_id))
            .order_by(Recording.number)
        ).all()
        seen = tuple(subject_of(recording, patient) for recording, patient, visible in found if visible)
        return Elsewhere(seen, more=len(seen) < len(found))
