"""Reasons why a patient needs attention: one list of sources for the caseload, its filter and the navigation.

No source ranks patients, none speaks of risk, and none goes by an expression: that a recording lies outside the
patient's own usual range is reported as a fact, and so is what a patient answered to question 9 of the PHQ-9.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from clinic import access, clock
from clinic.access import Actor
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients import conditions
from clinic.questionnaires import schedule, watching
from db.engine import Database
from db.models import Access, Job, JobState, Patient, Recording, TrendDigest

ENDS_WITHIN = timedelta(days=14)


class Need(StrEnum):
    """The reasons why a patient needs attention, in the order in which they are shown."""

    ANSWER_ABOVE_0 = "answer_above_0"
    CHOOSE_FACE = "choose_face"
    FAILED = "failed"
    CONSENT_ENDS = "consent_ends"
    QUESTIONNAIRE_DUE = "questionnaire_due"
    OUTSIDE = "outside"


Source = Callable[[Session], Select[str]]
"""Returns the query of the ids of the patients who have this need now."""


def _answer_above_0(session: Session) -> Select[str]:  # noqa: ARG001 all sources are asked alike
    return watching.unacknowledged()


def _choosing(session: Session) -> Select[str]:  # noqa: ARG001
    return select(Recording.patient_id).join(Job).where(Job.state == JobState.CHOOSING)


def _failed(session: Session) -> Select[str]:  # noqa: ARG001
    return select(Recording.patient_id).join(Job).where(Job.state == JobState.FAILED, Recording.current)


def _consent_ends(session: Session) -> Select[str]:
    return consent.ending(session, ENDS_WITHIN)


def _questionnaire_due(session: Session) -> Select[str]:
    return select(Patient.id).where(Patient.id.in_(schedule.overdue(session, clock.today(session))))


def _outside(session: Session) -> Select[str]:
    """Of patients whose results are open, and whose face no condition keeps from being labelled."""
    visible = consent.covered(session, Scope.KEEP_RESULTS)
    asked = select(TrendDigest.patient_id).where(TrendDigest.outside, TrendDigest.patient_id.in_(visible))
    return asked.where(TrendDigest.patient_id.not_in(conditions.not_interpreted(clock.today(session))))


SOURCES: dict[Need, Source] = {
    Need.ANSWER_ABOVE_0: _answer_above_0,
    Need.CHOOSE_FACE: _choosing,
    Need.FAILED: _failed,
    Need.CONSENT_ENDS: _consent_ends,
    Need.QUESTIONNAIRE_DUE: _questionnaire_due,
    Need.OUTSIDE: _outside,
}


def any_need(session: Session) -> ColumnElement[bool]:
    """Return the condition that a patient has a need; needs are hidden for patients seen in an emergency."""
    return Access.until.is_(None) & or_(*(Patient.id.in_(source(session)) for source in SOURCES.values()))


def needs_of(session: Session, patient_ids: Collection[str]) -> dict[str, list[Need]]:
    """Return what each of these patients needs; patients without needs are left out."""
    asked = (
        select(literal(need.value).label("need"), Patient.id).where(
            Patient.id.in_(source(session)), Patient.id.in_(patient_ids)
        )
        for need, source in SOURCES.items()
    )
    having: dict[str, set[str]] = {}
    for need, patient_id in session.execute(union_all(*asked)):
        having.setdefault(patient_id, set()).add(need)
    return {patient_id: [need for need in Need if need in needs] for patient_id, needs in having.items()}


def count(db: Database, actor: Actor) -> int:
    """Return how many patients on the caseload need attention. Raises Forbidden ``signed_out``, ``statement``."""
    with db.read() as session:
        account = access.acting(session, actor)
        asked = select(Patient.id).join(Access, Access.patient_id == Patient.id)
        own = asked.where(Access.account_id == account.id, any_need(session)).subquery()
        return session.scalar(select(func.count()).select_from(own)) or 0
