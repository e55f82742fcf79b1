"""Answers above 0 to a watched question: which of them nobody has acknowledged, and acknowledging them.

What was acknowledged stands in the audit alone: all of a patient's answers up to a number. So an answer that comes in
later asks for somebody again, also one for an earlier day, and so does each in another clinic that imports the patient.
"""

from __future__ import annotations

from sqlalchemy import Select, and_, func, or_, select

from clinic import access, audit, phrases
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.questionnaires.published import PUBLISHED
from db.engine import Database
from db.models import AuditRow, QuestionnaireAnswer
from fer_core.errors import FerError


def unacknowledged() -> Select[str]:
    """Return the query of the ids of the patients with answers that nobody has acknowledged, each as often."""
    # One pass over the audit, and not one for each answer.
    acknowledged = (
        select(AuditRow.patient_id, func.max(AuditRow.details["number"].as_integer()).label("up_to"))
        .where(AuditRow.action == AuditAction.ANSWER_ACKNOWLEDGED.value)
        .group_by(AuditRow.patient_id)
        .subquery()
    )
    above = or_(
        *(
            and_(QuestionnaireAnswer.scale == scale.key, QuestionnaireAnswer.items[scale.watched].as_integer() > 0)
            for scale in PUBLISHED.values()
            if scale.watched is not None
        )
    )
    joined = select(QuestionnaireAnswer.patient_id).outerjoin(
        acknowledged, acknowledged.c.patient_id == QuestionnaireAnswer.patient_id
    )
    return joined.where(above, QuestionnaireAnswer.number > func.coalesce(acknowledged.c.up_to, 0))


def waiting(db: Database, actor: Actor, patient_id: str) -> list[int]:
    """Return the numbers of a patient's answers that nobody has acknowledged, the lowest first.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        asked = unacknowledged().with_only_columns(QuestionnaireAnswer.number)
        own = asked.where(QuestionnaireAnswer.patient_id == patient_id)
        return list(session.scalars(own.order_by(QuestionnaireAnswer.number)))


def acknowledge(db: Database, actor: Actor, patient_id: str, number: int) -> None:
    """Write down that a user has seen a patient's answers above 0 up to this one; doing so twice is no error.

    Raises Forbidden, FerError ``unknown_patient``, ``unknown_answer``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        own = QuestionnaireAnswer.patient_id == patient_id
        row = session.scalar(select(QuestionnaireAnswer).where(own, QuestionnaireAnswer.number == number))
        if row is None:
            raise FerError("This questionnaire does not exist any more.", "unknown_answer")
        if session.scalar(unacknowledged().where(own, QuestionnaireAnswer.number == number)) is None:
            return
        which = f"{PUBLISHED[row.scale].name}, {phrases.day(row.answered_on)}, no. {number}"
        audit.write(session, AuditAction.ANSWER_ACKNOWLEDGED, account.id, patient_id, typed=which, number=number)
