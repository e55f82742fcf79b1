"""Marks on a patient's time axis: changes of medication, sessions and events, entered by the clinician."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, texts
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import need_seen
from db.engine import Database
from db.folding import fold
from db.models import EventKind as EventKind  # the pages know no tables
from db.models import Patient, PatientEvent
from fer_core.errors import FerError

TEXT_MAX = 300


@dataclass(frozen=True, slots=True)
class EventMark:
    """A mark on the axis of time."""

    id: str
    kind: EventKind
    happened_on: date
    text: str


def add(
    db: Database,
    actor: Actor,
    patient_id: str,
    kind: EventKind,
    happened_on: date,
    text: str,
    seen: Collection[str] | None = None,
) -> None:
    """Add a mark. `seen`: the ids of the patient's marks that were on the screen, None where there was none.

    Another one of this kind and day is refused. Raises Forbidden, ConflictError, FerError ``unknown_patient``,
    ``bad_event``, ``event_exists``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        born_on = session.get_one(Patient, patient_id).born_on
        if not (born_on or clock.FIRST_DAY) <= happened_on <= clock.latest_day(session):
            raise FerError(f"Please give a day from {clock.first_day_in_words(born_on)} to today.", "bad_event")
        text = valid_text(text)
        _need_new(session, patient_id, kind, happened_on, text, seen)
        row = PatientEvent(
            patient_id=patient_id,
            kind=kind,
            happened_on=happened_on,
            text=text,
            recorded_by=account.id,
            recorded_at=clock.now(),
        )
        session.add(row)
        session.flush()
        audit.write(session, AuditAction.EVENT_ADDED, account.id, patient_id, kind=kind.value)


def _need_new(
    session: Session, patient_id: str, kind: EventKind, day: date, text: str, seen: Collection[str] | None
) -> None:
    asked = select(PatientEvent).where(PatientEvent.patient_id == patient_id, PatientEvent.kind == kind)
    same_day = {row.id: row.text for row in session.scalars(asked.where(PatientEvent.happened_on == day))}
    if fold(text) in map(fold, same_day.values()):
        raise FerError("This mark is already stored for this day.", "event_exists")
    need_seen("the marks of this day", seen, same_day, text)


def remove(db: Database, actor: Actor, event_id: str) -> None:
    """Delete a mark. Raises Forbidden, FerError ``unknown_event``."""
    with db.session() as session:
        row = session.get(PatientEvent, event_id)
        if row is None:
            raise FerError("This mark does not exist any more.", "unknown_event")
        account = access.require_writer_of(session, actor, row.patient_id)
        session.delete(row)
        audit.write(session, AuditAction.EVENT_DELETED, account.id, row.patient_id, kind=row.kind)
    db.forget_deleted()


def marks(db: Database, actor: Actor, patient_id: str) -> list[EventMark]:
    """Return the marks of a patient, the newest first. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        rows = session.scalars(
            select(PatientEvent)
            .where(PatientEvent.patient_id == patient_id)
            .order_by(PatientEvent.happened_on.desc(), PatientEvent.number.desc())
        )
        return [EventMark(row.id, row.kind, row.happened_on, row.text) for row in rows]


def valid_text(text: str) -> str:
    """Return the text of a mark as it is kept. Raises FerError ``bad_event``."""
    refusal = FerError(f"Please say what it was in 1 to {TEXT_MAX} characters, on one line.", "bad_event")
    return texts.kept_line(text, TEXT_MAX, refusal, least=1)


def check_row(row: Mapping[str, Any]) -> None:
    """Raise ValueError or FerError for an imported mark that could not be shown."""
    if valid_text(row["text"]) != row["text"]:
        raise ValueError("a text with something hidden in it")
