"""When a patient's questionnaires are due: every so many days after the last answers, from a first day on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, phrases
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError, Difference
from clinic.questionnaires import scales
from db.engine import Database
from db.models import QuestionnaireAnswer, QuestionnaireSchedule
from fer_core.errors import FerError

EVERY_MOST = 730
"""Days between two answers at most."""
AHEAD_MOST = timedelta(days=730)
NOT_PLANNED = "not planned"


@dataclass(frozen=True, slots=True)
class Due:
    """When a patient's questionnaire is due; `overdue`: whether that day is today or before.

    `first_due`: the first day of the steps.
    """

    scale: str
    name: str
    every_days: int
    due_on: date
    overdue: bool
    first_due: date


def plan(
    db: Database,
    actor: Actor,
    patient_id: str,
    scale: str,
    every_days: int,
    first_due: date | None = None,
    seen: Collection[Due] | None = None,
) -> None:
    """Schedule a questionnaire every so many days, from `first_due` on (None: today).

    `seen`: what was planned on the screen, None where there was none.
    Raises Forbidden, ConflictError, FerError ``unknown_patient``, ``unknown_scale``, ``bad_schedule``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        known, today = scales.of_key(session, scale), clock.today(session)
        begin = first_due or today
        if not 1 <= every_days <= EVERY_MOST or not abs(begin - today) <= AHEAD_MOST:
            raise FerError(
                f"Please give 1 to {EVERY_MOST} days between two answers, and a first day within two years.",
                "bad_schedule",
            )
        row = session.scalar(_of(patient_id).where(QuestionnaireSchedule.scale == scale))
        _need_unchanged(row, scale, known.name, seen, _in_words(every_days, begin))
        if row is None:
            row = QuestionnaireSchedule(patient_id=patient_id, scale=scale, created_at=clock.now())
            session.add(row)
        row.name, row.every_days, row.first_due = known.name, every_days, begin
        _write_down(session, account.id, row, every_days)


def stop(db: Database, actor: Actor, patient_id: str, scale: str, seen: Collection[Due] | None = None) -> None:
    """Stop the schedule of a questionnaire; `seen` as in `plan`.

    Raises Forbidden, ConflictError, FerError ``unknown_patient``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        row = session.scalar(_of(patient_id).where(QuestionnaireSchedule.scale == scale))
        if row is not None:
            _need_unchanged(row, scale, row.name, seen, NOT_PLANNED)
            _write_down(session, account.id, row, 0)
            session.delete(row)


def dues(db: Database, actor: Actor, patient_id: str) -> list[Due]:
    """Return what a patient has to answer and when, the earliest first. Raises Forbidden, FerError."""
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        return due_of(session, [patient_id], clock.today(session)).get(patient_id, [])


def due_of(session: Session, patients: Select[str] | list[str], today: date) -> Mapping[str, list[Due]]:
    """Return what each of these patients has to answer, with one query; the caller has checked the rights.

    `patients`: ids, or the query of them.
    """
    of_whom = QuestionnaireAnswer.patient_id, QuestionnaireAnswer.scale
    latest = func.max(QuestionnaireAnswer.answered_on).label("answered_on")
    last = select(*of_whom, latest).where(QuestionnaireAnswer.patient_id.in_(patients)).group_by(*of_whom).subquery()
    same = QuestionnaireSchedule.patient_id == last.c.patient_id, QuestionnaireSchedule.scale == last.c.scale
    planned = (
        select(QuestionnaireSchedule, last.c.answered_on)
        .outerjoin(last, and_(*same))
        .where(QuestionnaireSchedule.patient_id.in_(patients), scales.can_be_due())
    )
    found: dict[str, list[Due]] = {}
    for row, answered_on in session.execute(planned):
        day = next_due(row.first_due, row.every_days, answered_on)
        due = Due(row.scale, row.name, row.every_days, day, day <= today, row.first_due)
        found.setdefault(row.patient_id, []).append(due)
    return {patient_id: sorted(each, key=lambda due: (due.due_on, due.name)) for patient_id, each in found.items()}


def overdue(session: Session, today: date) -> list[str]:
    """Return the ids of the patients with a questionnaire that is due today or was before."""
    planned = select(QuestionnaireSchedule.patient_id)
    found = due_of(session, planned, today)
    return [patient_id for patient_id, dues in found.items() if any(due.overdue for due in dues)]


def next_due(first_due: date, every_days: int, last: date | None) -> date:
    """Return the day on which a questionnaire is due that was answered last on `last`, None for never."""
    return first_due if last is None or last < first_due else last + timedelta(days=every_days)


def _of(patient_id: str) -> Select[QuestionnaireSchedule]:
    return select(QuestionnaireSchedule).where(QuestionnaireSchedule.patient_id == patient_id)


def _need_unchanged(
    row: QuestionnaireSchedule | None, scale: str, name: str, seen: Collection[Due] | None, wanted: str
) -> None:
    """Refuse a plan if another user scheduled the same questionnaire since the screen was drawn.

    Raises ConflictError.
    """
    stored = _in_words(row.every_days, row.first_due) if row is not None else NOT_PLANNED
    if seen is None or stored == wanted:
        return
    shown = {due.scale: _in_words(due.every_days, due.first_due) for due in seen}
    if stored != shown.get(scale, NOT_PLANNED):
        raise ConflictError(f"when {name} is due", frozenset(), [Difference("Due", stored, wanted)])


def _in_words(every_days: int, first_due: date) -> str:
    return f"every {phrases.counted(every_days, 'day')}, from {phrases.day(first_due)} on"


def _write_down(session: Session, by: str, row: QuestionnaireSchedule, every_days: int) -> None:
    """Write a new schedule into the audit; 0 days: none any more. In words for the patient's history too."""
    planned = _in_words(every_days, row.first_due) if every_days else NOT_PLANNED
    which, action = f"{row.name}, {planned}", AuditAction.QUESTIONNAIRE_SCHEDULED
    audit.write(session, action, by, row.patient_id, typed=which, scale=row.scale, every=every_days)
