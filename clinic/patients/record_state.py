"""The state of a patient's record, by which a report or an export can check that it still matches what is stored."""

from __future__ import annotations

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic.patients.doubts import doubted
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

RECORDING = (
    Recording.id,
    Recording.revision,
    Recording.current,
    Recording.analysed_at,
    Recording.patient_track,
    Recording.summary.is_(None),
    doubted(),
)
"""What of a recording says which result it has. The rest changes while it is analysed, or with the revision."""
BESIDE = (QuestionnaireAnswer, QuestionnaireSchedule, PatientEvent, FaceCondition, ImportedSeries)
"""What stands beside the recordings: each column counts, so that no way of changing one can be forgotten."""


def state_of(session: Session, patient_id: str) -> str:
    """Return a short text that changes with whatever is edited, added to or deleted from a patient's record.

    The caller has checked the rights.
    """
    asked = [
        select(Patient.revision, Patient.consents_revision).where(Patient.id == patient_id),
        select(*RECORDING).where(Recording.patient_id == patient_id).order_by(Recording.id),
        select(*RecordingMark.__table__.columns)
        .join(Recording, Recording.id == RecordingMark.recording_id)
        .where(Recording.patient_id == patient_id)
        .order_by(RecordingMark.id),
        *(
            select(*table.__table__.columns).where(table.patient_id == patient_id).order_by(table.id)
            for table in BESIDE
        ),
    ]
    found = [[tuple(row) for row in session.execute(one)] for one in asked]
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]
