"""Whether what a screen shows may still be shown: checked every few seconds, with a few small queries."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, String, case, cast, func, literal, select

from clinic import access
from clinic.access import Actor, Role
from clinic.consent import consent
from clinic.consent.consent import Scope
from db.engine import Database
from db.models import (
    Access,
    FaceCondition,
    ImportedSeries,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingMark,
)
from fer_core.types import Status

ENOUGH_OF_ID = 8
"""So many letters of an id distinguish the rows of one patient."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a patient's results are open, and what differs once something on a screen about the patient is edited.

    `edition`: the patient's revision first, then what sums up recordings, marks on the axis, questionnaires, due dates
    and tables of other programs. `left_out`: who is not the patient in a recording, what of the face not to interpret.
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
        writes = account.role != Role.VIEWER.value and until is None
        return frozenset(stand | {"reads"} | ({"writes"} if writes else set()))


def states(db: Database, actor: Actor, patient_ids: Collection[str]) -> dict[str, Standing]:
    """Return how those of these patients stand that the actor sees now.

    Raises Forbidden ``signed_out``, ``statement``.
    """
    with db.read() as session:
        account = access.acting(session, actor)
        opened = Patient.id.in_(consent.covered(session, Scope.KEEP_RESULTS))
        asked = select(Patient.id, opened, Patient.revision, *_recordings(), *_beside(), *_left_out())
        found = session.execute(asked.where(Patient.id.in_(patient_ids), Patient.id.in_(access.visible(account))))
        return {
            key: Standing(opened, (*numbers, *map(_short, texts[:-2])), tuple(map(_short, texts[-2:])))
            for key, opened, *values in found
            for numbers, texts in [(values[:4], values[4:])]
        }


def _recordings() -> list[ScalarSelect[int]]:
    """Return how many recordings a patient has, and the sums of their edits and of the versions that are shown."""
    shown = case((Recording.current, Recording.number), else_=0)
    return [
        select(value).where(Recording.patient_id == Patient.id).correlate(Patient).scalar_subquery()
        for value in (
            func.count(),
            func.coalesce(func.sum(Recording.revision), 0),
            func.coalesce(func.sum(shown), 0),
        )
    ]


def _beside() -> list[ScalarSelect[str]]:
    """Return which rows stand beside a patient's recordings. Only those of due dates are ever changed."""
    due = (QuestionnaireSchedule.every_days, QuestionnaireSchedule.first_due)
    return [
        _rows(PatientEvent, PatientEvent.patient_id == Patient.id),
        _rows(QuestionnaireAnswer, QuestionnaireAnswer.patient_id == Patient.id),
        _rows(QuestionnaireSchedule, QuestionnaireSchedule.patient_id == Patient.id, *due),
        _rows(ImportedSeries, ImportedSeries.patient_id == Patient.id),
    ]


def _left_out() -> list[ScalarSelect[str]]:
    """Return which stretches are not the patient's, in any of the recordings, and the conditions of the face."""
    others = (RecordingMark.verdict == Status.NOT_PATIENT.value) & RecordingMark.recording_id.in_(
        select(Recording.id).where(Recording.patient_id == Patient.id).correlate(Patient)
    )
    held = (FaceCondition.began_on, FaceCondition.ended_on)
    return [
        _rows(RecordingMark, others, RecordingMark.revision),
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
