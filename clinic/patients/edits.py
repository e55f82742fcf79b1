"""Editing a patient and a recording: checked, refused if another user was faster, and audited."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import need_unchanged
from clinic.patients.fields import PatientFields, RecordingFields, fields_of, valid_patient, valid_recording
from db.engine import Database
from db.models import Consent, FaceCondition, ImportedSeries, Patient, PatientEvent, QuestionnaireAnswer, Recording
from fer_core.errors import FerError

DATED = {
    "a recording": Recording.recorded_on,
    "a questionnaire": QuestionnaireAnswer.answered_on,
    "a mark": PatientEvent.happened_on,
    "a condition of the face": FaceCondition.began_on,
    "a table of another program": ImportedSeries.recorded_on,
    "a consent": Consent.given_on,
}
"""What is of a day in a patient's life, so that none may be before the birth."""


def edit_patient(db: Database, actor: Actor, patient_id: str, seen: int, wanted: PatientFields) -> None:
    """Change a patient's fields. `seen`: the revision that was on the screen.

    Raises Forbidden, ConflictError, FerError ``bad_name``, ``bad_note``, ``bad_code``, ``bad_birth``,
    ``unknown_patient``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        patient, wanted = session.get_one(Patient, patient_id), valid_patient(wanted, clock.latest_day(session))
        stored = PatientFields(patient.name, patient.note, patient.code, patient.born_on)
        need_unchanged("this patient", seen, patient.revision, stored.differences(wanted))
        if wanted.born_on is not None and wanted.born_on != patient.born_on:
            _need_nothing_before(session, patient_id, wanted.born_on)
        patient.name, patient.note, patient.code = wanted.name, wanted.note, wanted.code
        patient.born_on = wanted.born_on
        patient.revision += 1
        audit.write(session, AuditAction.PATIENT_CHANGED, account.id, patient_id)


def edit_recording(db: Database, actor: Actor, recording_id: str, seen: int, wanted: RecordingFields) -> None:
    """Change day, time and note of a recording, in all its versions. `seen`: the revision that was on the screen.

    Raises Forbidden, ConflictError, FerError ``bad_note``, ``bad_day``, ``bad_time``, ``unknown_recording``.
    """
    with db.session() as session:
        recording = access.recording_of(session, recording_id)
        account = access.require_writer_of(session, actor, recording.patient_id)
        born_on = session.get_one(Patient, recording.patient_id).born_on
        stored = recording.recorded_on, recording.recorded_time
        wanted = valid_recording(wanted, born_on, clock.latest_day(session), clock.zone(session), stored)
        need_unchanged("this recording", seen, recording.revision, fields_of(recording).differences(wanted))
        revision = recording.revision + 1
        moved = stored != (wanted.recorded_on, wanted.recorded_time)
        zone = clock.zone_name(session) if moved else recording.recorded_zone
        for version in _versions(session, recording):
            version.recorded_on, version.recorded_time = wanted.recorded_on, wanted.recorded_time
            version.recorded_zone, version.note, version.revision = zone, wanted.note, revision
        audit.write(session, AuditAction.RECORDING_CHANGED, account.id, recording.patient_id, recording_id)


def _need_nothing_before(session: Session, patient_id: str, born_on: date) -> None:
    for name, day in DATED.items():
        first = session.scalar(select(func.min(day)).where(day.class_.patient_id == patient_id))
        if first is not None and first < born_on:
            raise FerError(f"There is {name} from before this date of birth. Please check both days.", "bad_birth")


def _versions(session: Session, recording: Recording) -> list[Recording]:
    first = recording.version_of or recording.id
    return list(session.scalars(select(Recording).where(or_(Recording.id == first, Recording.version_of == first))))
