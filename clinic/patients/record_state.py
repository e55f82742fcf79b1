"""The state of a patient's record, by which a report or an export can check that it still matches what is stored."""

from __future__ import annotations

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import (
    FaceCondition,
    ImportedSeries,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingMark,
)


def state_of(session: Session, patient_id: str) -> str:
    """Return a short text that changes with whatever is edited, added to or deleted from a patient's record.

    The caller has checked the rights.
    """
    asked = [
        select(Patient.revision, Patient.consents_revision).where(Patient.id == patient_id),
        select(Recording.id, Recording.revision, Recording.current, Recording.analysed_at)
        .where(Recording.patient_id == patient_id)
        .order_by(Recording.id),
        select(RecordingMark.id, RecordingMark.revision)
        .join(Recording, Recording.id == RecordingMark.recording_id)
        .where(Recording.patient_id == patient_id)
        .order_by(RecordingMark.id),
        *(
            select(*columns).where(columns[0].class_.patient_id == patient_id).order_by(columns[0])
            for columns in (
                (QuestionnaireAnswer.id,),
                (QuestionnaireSchedule.id, QuestionnaireSchedule.every_days, QuestionnaireSchedule.first_due),
                (PatientEvent.id,),
                (FaceCondition.id, FaceCondition.ended_on),
                (ImportedSeries.id,),
            )
        ),
    ]
    found = [[tuple(row) for row in session.execute(one)] for one in asked]
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]
