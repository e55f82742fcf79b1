"""Results of other programs, kept beside this program's own and never joined with them: one figure for each measure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, phrases, texts
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import need_seen
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.exchange import other_tools
from clinic.exchange.other_tools import Tool
from clinic.patients import conditions
from clinic.patients.fields import day_objection
from db.engine import Database
from db.models import ImportedSeries, Patient
from fer_core.errors import FerError

NOTE_MAX = 300


@dataclass(frozen=True, slots=True)
class Imported:
    """A table of another program; figures as in `other_tools.Series`. `note`: what the clinician says of it.

    `number`: distinguishes it from another table of the same program and day. `unread`: a condition of the face held on
    its day, so `measures` has movements alone: labels are left out, as this program's own are.
    """

    id: str
    number: int
    tool: Tool
    recorded_on: date
    note: str
    rows: int
    readable_share: float
    measures: dict[str, float]
    unread: bool


def add(
    db: Database,
    actor: Actor,
    patient_id: str,
    recorded_on: date,
    table: BinaryIO,
    note: str = "",
    seen: Collection[str] | None = None,
) -> Imported:
    """Read a table, which stays open, and keep its figures; the table itself is not kept.

    `seen`: the ids of the patient's tables that were on the screen, None where there was none. Another one of this
    program and day is refused. Raises Forbidden, ConsentError, ConflictError, FerError ``unknown_patient``,
    ``bad_day``, ``bad_series``, ``series_exists``, and what `other_tools.read` raises.
    """
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
    found = other_tools.read(table)
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        consent.need(session, patient_id, Scope.KEEP_RESULTS)
        born_on = session.get_one(Patient, patient_id).born_on
        objection = day_objection(recorded_on, born_on, clock.latest_day(session))
        if objection is not None:
            raise objection
        _need_new(session, patient_id, recorded_on, found, seen)
        row = ImportedSeries(
            patient_id=patient_id,
            tool=found.tool.value,
            recorded_on=recorded_on,
            note=valid_note(note),
            moments=found.rows,
            readable_share=found.readable_share,
            measures=found.measures,
            recorded_by=account.id,
            recorded_at=clock.now(),
        )
        session.add(row)
        session.flush()
        audit.write(session, AuditAction.SERIES_IMPORTED, account.id, patient_id, tool=found.tool.value)
        return _row(row, conditions.unread(session, patient_id, row.recorded_on))


def remove(db: Database, actor: Actor, series_id: str) -> None:
    """Delete a table's figures. Raises Forbidden, FerError ``unknown_series``."""
    with db.session() as session:
        row = session.get(ImportedSeries, series_id)
        if row is None:
            raise FerError("This series does not exist any more.", "unknown_series")
        account = access.require_writer_of(session, actor, row.patient_id)
        session.delete(row)
        audit.write(session, AuditAction.SERIES_DELETED, account.id, row.patient_id, tool=row.tool)
    db.forget_deleted()


def listed(db: Database, actor: Actor, patient_id: str) -> list[Imported]:
    """Return what was imported of a patient, the newest first; nothing where the consent to keep it doesn't stand.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        if consent.missing(session, patient_id, Scope.KEEP_RESULTS) is not None:
            return []
        asked = select(ImportedSeries).where(ImportedSeries.patient_id == patient_id)
        rows = session.scalars(asked.order_by(ImportedSeries.recorded_on.desc(), ImportedSeries.number.desc()))
        return [_row(row, conditions.unread(session, patient_id, row.recorded_on)) for row in rows]


def valid_note(note: str) -> str:
    """Return a note as it is kept. Raises FerError ``bad_series``."""
    return texts.short_note(note, NOTE_MAX, "bad_series")


def check_row(row: Mapping[str, Any]) -> None:
    """Raise ValueError or FerError for an imported row that could not be shown."""
    Tool(row["tool"])
    sound = isinstance(row["measures"], dict) and other_tools.valid_measures(row["measures"].items())
    if not sound or valid_note(row["note"]) != row["note"] or not 0 <= row["readable_share"] <= 1 or row["moments"] < 1:
        raise ValueError("no series of another program")


def _need_new(
    session: Session, patient_id: str, recorded_on: date, found: other_tools.Series, seen: Collection[str] | None
) -> None:
    """Refuse a table that is already stored for this day, or one beside a table that was not seen.

    Raises ConflictError, FerError ``series_exists``.
    """
    same_day = select(ImportedSeries).where(
        ImportedSeries.patient_id == patient_id,
        ImportedSeries.recorded_on == recorded_on,
        ImportedSeries.tool == found.tool.value,
    )
    rows = session.scalars(same_day).all()
    for row in rows:
        if (row.moments, row.measures) == (found.rows, found.measures):
            raise FerError(f"The same table is already stored for this day, as no. {row.number}.", "series_exists")
    stored = {row.id: f"no. {row.number}, {phrases.counted(row.moments, 'row')}" for row in rows}
    need_seen("the tables of this day", seen, stored, phrases.counted(found.rows, "row"))


def _row(row: ImportedSeries, unread: bool) -> Imported:
    measures = {name: value for name, value in row.measures.items() if not (unread and other_tools.is_label(name))}
    return Imported(
        row.id,
        row.number,
        Tool(row.tool),
        row.recorded_on,
        row.note,
        row.moments,
        row.readable_share,
        measures,
        unread,
    )
