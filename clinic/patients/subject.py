"""The patient and identity of a recording, as shown on every page about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

from clinic.patients.fields import RecordingFields, fields_of
from db.models import Patient, Recording
from db.models import RecordingKind as RecordingKind  # the pages know no tables


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose a recording is, which of the patient's visits, and what is said of it; `revision` is the recording's."""

    patient_id: str
    name: str
    code: str
    born_on: date | None
    kind: RecordingKind
    visit_number: int
    revision: int
    fields: RecordingFields

    @property
    def id(self) -> str:
        """The patient's id."""
        return self.patient_id

    @property
    def recorded_on(self) -> date:
        """The day of the recording."""
        return self.fields.recorded_on

    @property
    def recorded_time(self) -> time | None:
        """The time of day on the clinic's clock, where it is known."""
        return self.fields.recorded_time


def subject_of(recording: Recording, patient: Patient) -> Subject:
    """Return a recording's patient and identity."""
    return Subject(
        patient.id,
        patient.name,
        patient.code,
        patient.born_on,
        recording.kind,
        recording.visit_number,
        recording.revision,
        fields_of(recording),
    )
