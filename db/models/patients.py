"""A patient, and what is recorded of the person beside the recordings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from db.folding import search_key
from db.models.base import Base, new_id, next_number
from db.models.enums import ConditionKind, EventKind, Scope


class Patient(Base):
    """A person whose history is kept. `demo` marks an invented one. `search_key` is kept true to name, code and note.

    `code` (a clinic's number, or empty) and `born_on` distinguish people of one name. `revision` counts edits of this
    row, `consents_revision` those of the patient's consents, `sharing_revision` those of who sees the patient
    (clinic/conflicts.py). `visits` is the highest number that a visit was given: it is not given again.
    """

    __tablename__ = "patient"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("patient"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    code: Mapped[str] = mapped_column(String(40), default="")
    born_on: Mapped[date | None]
    note: Mapped[str] = mapped_column(Text, default="")
    search_key: Mapped[str] = mapped_column(Text, default=lambda row: search_key(row.get_current_parameters()))
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)
    consents_revision: Mapped[int] = mapped_column(default=1)
    sharing_revision: Mapped[int] = mapped_column(default=1)
    visits: Mapped[int] = mapped_column(default=0)


@event.listens_for(Patient, "before_update")
def _renew_search_key(_mapper: Any, _connection: Any, patient: Patient) -> None:
    patient.search_key = search_key({"name": patient.name, "code": patient.code, "note": patient.note})


class Consent(Base):
    """A patient's consent to one `scope`. Rows are added and never changed but for being withdrawn.

    Of several rows of a scope the one with the highest `number` counts, whatever the clock said. It was given on
    `given_on`, holds up to and with `expires_on` (NULL: until it is withdrawn), and `document` says where the signed
    paper is found. `recorded_by` and `withdrawn_by` are ids of accounts, no references: an import brings those of
    another installation, and none of this one (clinic/exchange/recorders.py).
    """

    __tablename__ = "consent"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("consent"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scope: Mapped[Scope]
    given_on: Mapped[date]
    expires_on: Mapped[date | None]
    document: Mapped[str] = mapped_column(String(200), default="")
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(String(32))
    withdrawn_at: Mapped[datetime | None]


class TrendDigest(Base):
    """A patient's trend in short, for the caseload (clinic/patients/digests.py): worked out of recordings, and again.

    `recordings`, `numbers`, `revisions`: how many recordings it was made of, and the sums of their numbers and
    revisions, by which it is known whether it still holds; `method`: the version of the program's way of making it.
    `outside`: whether the newest counting recording is marked for lying outside the patient's usual range.
    """

    __tablename__ = "trend_digest"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True)
    method: Mapped[int]
    recordings: Mapped[int]
    numbers: Mapped[int] = mapped_column(BigInteger)
    revisions: Mapped[int] = mapped_column(BigInteger)
    outside: Mapped[bool] = mapped_column(default=False)
    line: Mapped[dict[str, Any]]
    """See `clinic.patients.digests.SmallTrend`."""


class PatientEvent(Base):
    """Something on a patient's axis of time: ``"medication"``, ``"session"`` or ``"event"``, and what it was."""

    __tablename__ = "patient_event"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("patient_event"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    kind: Mapped[EventKind]
    happened_on: Mapped[date]
    text: Mapped[str] = mapped_column(String(300), default="")
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]


class ImportedSeries(Base):
    """A table of another program on one recording: a figure for each measure (clinic/exchange/imported_series.py).

    `tool`: ``"openface"``, ``"pyfeat"`` or ``"facereader"``. Never joined with this program's own results.
    """

    __tablename__ = "imported_series"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("imported_series"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    tool: Mapped[str] = mapped_column(String(16))
    recorded_on: Mapped[date]
    note: Mapped[str] = mapped_column(String(300), default="")
    moments: Mapped[int]
    readable_share: Mapped[float]
    measures: Mapped[dict[str, Any]]
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]


class FaceCondition(Base):
    """Why labels of a patient's expressions are not to be interpreted, such as ``"facial_palsy"``, and since when.

    `ended_on`: the first day on which it no longer holds, NULL while it does.
    """

    __tablename__ = "face_condition"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("face_condition"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    kind: Mapped[ConditionKind]
    note: Mapped[str] = mapped_column(String(300), default="")
    began_on: Mapped[date]
    ended_on: Mapped[date | None]
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]
