"""Whether what a screen shows may still be shown: checked every few seconds, with a few small queries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select

from clinic import access
from clinic.access import Actor, Role
from clinic.consent import consent
from clinic.consent.consent import Scope
from db.engine import Database
from db.models import Access, Patient, Recording
from db.records import others_spans


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a patient's results are open, and an `edition` that differs once the patient or a recording is edited."""

    opened: bool
    edition: tuple[int, ...]


def state(db: Database, actor: Actor, patient_id: str, recording_id: str | None = None) -> frozenset[str]:
    """Return what is open of a patient or a recording: ``reads``, ``writes``, scopes that stand, what is the patient's.

    If some of what was open when a page was drawn no longer is, the page has to be cleared.
    Raises Forbidden, FerError ``unknown_patient``, ``unknown_recording``.
    """
    with db.read() as session:
        account = access.require_reader_of(session, actor, patient_id)
        shown = set()
        if recording_id is not None:
            access.recording_of(session, recording_id)
            # A stretch that somebody marks as another person's may be on a screen as the patient's.
            shown = {f"all but {others_spans(session, recording_id)}"}
        until = session.get_one(Access, (account.id, patient_id)).until
        stand = {scope.value for scope in consent.standing(session, patient_id)}
        writes = account.role != Role.VIEWER.value and until is None
        return frozenset(stand | shown | {"reads"} | ({"writes"} if writes else set()))


def states(db: Database, actor: Actor, patient_ids: Collection[str]) -> dict[str, Standing]:
    """Return how those of these patients stand that the actor sees now.

    Raises Forbidden ``signed_out``, ``statement``.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        opened = Patient.id.in_(consent.covered(session, Scope.KEEP_RESULTS))
        recordings, edits = (
            select(value).where(Recording.patient_id == Patient.id).scalar_subquery()
            for value in (func.count(), func.coalesce(func.sum(Recording.revision), 0))
        )
        asked = select(Patient.id, opened, Patient.revision, recordings, edits)
        found = session.execute(asked.where(Patient.id.in_(patient_ids), Patient.id.in_(access.visible(account))))
        return {row[0]: Standing(row[1], tuple(row[2:])) for row in found}
