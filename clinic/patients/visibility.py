"""Whether what a screen shows may still be shown: checked every few seconds, with a few small queries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BigInteger, ScalarSelect, cast, func, select

from clinic import access
from clinic.access import Actor, Role
from clinic.consent import consent
from clinic.consent.consent import Scope
from db.engine import Database
from db.models import Access, FaceCondition, Patient, Recording, RecordingMark
from fer_core.types import Status


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a patient's results are open, and an `edition` that differs once the patient or a recording is edited.

    `left_out` differs once somebody says who is not the patient in a recording, or what of the face not to interpret.
    """

    opened: bool
    edition: tuple[int, ...]
    left_out: tuple[int, ...]


def state(db: Database, actor: Actor, patient_id: str, recording_id: str | None = None) -> frozenset[str]:
    """Return what is open of a patient or a recording: ``reads``, ``writes``, scopes that stand.

    If some of what was open when a page was drawn no longer is, the page has to be cleared.
    Raises Forbidden, FerError ``unknown_patient``, ``unknown_recording``.
    """
    with db.read() as session:
        account = access.require_reader_of(session, actor, patient_id)
        if recording_id is not None:
            access.recording_of(session, recording_id)
        until = session.get_one(Access, (account.id, patient_id)).until
        stand = {scope.value for scope in consent.standing(session, patient_id)}
        writes = account.role != Role.VIEWER.value and until is None
        return frozenset(stand | {"reads"} | ({"writes"} if writes else set()))


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
        # A stretch that is marked as another person's may be on a screen as the patient's, in any of the recordings.
        asked = select(Patient.id, opened, *_left_out(), Patient.revision, recordings, edits)
        found = session.execute(asked.where(Patient.id.in_(patient_ids), Patient.id.in_(access.visible(account))))
        return {row[0]: Standing(row[1], tuple(row[4:]), tuple(row[2:4])) for row in found}


def _left_out() -> tuple[ScalarSelect[int], ScalarSelect[int]]:
    """Return what sums up which stretches are not the patient's, and the conditions of the face, to notice a change."""
    # In whole milliseconds: a sum of fractions depends on their order.
    ends_ms = cast(1 + 1000 * RecordingMark.begin_s + 3000 * RecordingMark.end_s, BigInteger)
    marks = (
        select(func.coalesce(func.sum(ends_ms), 0))
        .join(Recording, Recording.id == RecordingMark.recording_id)
        .where(Recording.patient_id == Patient.id, RecordingMark.verdict == Status.NOT_PATIENT.value)
    )
    conditions = select(func.count(FaceCondition.id) + 1000 * func.count(FaceCondition.ended_on)).where(
        FaceCondition.patient_id == Patient.id
    )
    return marks.correlate(Patient).scalar_subquery(), conditions.correlate(Patient).scalar_subquery()
