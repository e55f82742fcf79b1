"""Whether what a screen shows may still be shown: checked every few seconds, with a few small queries."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, String, case, cast, func, literal, select
from sqlalchemy.orm import Session

from clinic import access
from clinic.access import Actor, Role
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients.doubts import doubted
from db.engine import Database
from db.models import (
    Access,
    Account,
    FaceCondition,
    ImportedSeries,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingMark,
)
from db.moment import once

ENOUGH_OF_ID = 8
"""So many letters of an id distinguish the rows of one patient."""
REVISIONS = (Patient.revision, Patient.consents_revision, Patient.sharing_revision)
"""What counts edits of a patient, of the consents, and of who sees the patient."""


@dataclass(frozen=True, slots=True)
class PatientState:
    """Whether a patient's results are open, and what differs once something on a screen about the patient is edited.

    `edition`: the revisions of patient, consents and sharing, then what sums up recordings, marks on the axis,
    questionnaires, due dates and tables of other programs. `left_out`: the marks on stretches of recordings, such as
    who is not the patient there, and what of the face not to interpret.
    """

    opened: bool
    edition: tuple[int | str, ...]
    left_out: tuple[str, ...]


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
        writes = account.role != Role.VIEWER and until is None
        return frozenset(stand | {"reads"} | ({"writes"} if writes else set()))


def states(db: Database, actor: Actor, patient_ids: Collection[str]) -> dict[str, PatientState]:
    """Return how those of these patients stand that the actor sees now.

    Raises Forbidden ``signed_out``, ``statement``.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        # A page asks what it draws, and then whether that is still so.
        key = ("states", account.id, frozenset(patient_ids))
        return once(session, key, lambda: _states(session, account, patient_ids))


def offered(db: Database, actor: Actor) -> dict[str, tuple[int, ...]]:
    """Return the patients whom a page may offer to choose, each with what differs once the patient is edited.

    Raises Forbidden ``signed_out``, ``statement``.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        found = session.execute(select(Patient.id, *REVISIONS).where(Patient.id.in_(access.visible(account))))
        return {key: tuple(numbers) for key, *numbers in found}


def _states(session: Session, account: Account, patient_ids: Collection[str]) -> dict[str, PatientState]:
    opened = Patient.id.in_(consent.covered(session, Scope.KEEP_RESULTS))
    asked = select(Patient.id, opened, *REVISIONS, *_rows_of_patient(), *_left_out())
    found = session.execute(asked.where(Patient.id.in_(patient_ids), Patient.id.in_(access.visible(account))))
    return {
        key: PatientState(opened, (*numbers, *map(_short, texts[:-2])), tuple(map(_short, texts[-2:])))
        for key, opened, *values in found
        for numbers, texts in [(values[: len(REVISIONS)], values[len(REVISIONS) :])]
    }


def _rows_of_patient() -> list[ScalarSelect[str]]:
    """Return a patient's recordings, by their ids, for a number is used again, and which rows stand beside them.

    Of the others only those of due dates are ever changed.
    """
    due = (QuestionnaireSchedule.every_days, QuestionnaireSchedule.first_due)
    shown = case((Recording.current, 1), else_=0)
    empty = case((Recording.summary.is_(None), 1), else_=0)
    again = case((doubted(), 1), else_=0)
    result = (Recording.analysed_at, Recording.patient_track, empty, again)
    return [
        _rows(Recording, Recording.patient_id == Patient.id, Recording.revision, shown, *result),
        _rows(PatientEvent, PatientEvent.patient_id == Patient.id),
        _rows(QuestionnaireAnswer, QuestionnaireAnswer.patient_id == Patient.id),
        _rows(QuestionnaireSchedule, QuestionnaireSchedule.patient_id == Patient.id, *due),
        _rows(ImportedSeries, ImportedSeries.patient_id == Patient.id),
    ]


def _left_out() -> list[ScalarSelect[str]]:
    """Return the marks in any of the recordings, and the conditions of the face."""
    marked = RecordingMark.recording_id.in_(
        select(Recording.id).where(Recording.patient_id == Patient.id).correlate(Patient)
    )
    held = (FaceCondition.kind, FaceCondition.began_on, FaceCondition.ended_on, FaceCondition.note)
    return [
        _rows(RecordingMark, marked, RecordingMark.revision),
        _rows(FaceCondition, FaceCondition.patient_id == Patient.id, *held),
    ]


def _rows(table: Any, belongs: ColumnElement[bool], *changing: Any) -> ScalarSelect[str]:
    """Return the query of a patient's rows in one text, each with the columns that may change: no two are the same."""
    row: ColumnElement[str] = func.substr(table.id, 1, ENOUGH_OF_ID)
    for column in changing:
        row = row + literal(" ") + func.coalesce(cast(column, String), "")
    return select(func.aggregate_strings(row, ",")).where(belongs).correlate(Patient).scalar_subquery()


def _short(rows: str | None) -> str:
    """Return a short text for rows, whatever their order."""
    return hashlib.sha256(repr(sorted((rows or "").split(","))).encode()).hexdigest()[:16]
