"""Conditions of a patient under which labels of expressions say little, so that only movement is shown.

The model was trained on posed and spontaneous faces of people who move them freely. Where a face is stiff, uneven,
covered or moves in another way, a label compares it with faces that it can't be compared with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import ColumnElement, Select, delete, or_, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, phrases, texts
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import Difference, need_seen, need_unchanged
from clinic.patients.fields import FIRST_BIRTH
from db.engine import Database
from db.folding import fold
from db.models import Account, FaceCondition, Patient, Recording, TrendDigest
from db.models import ConditionKind as ConditionKind  # the pages know no tables
from db.moment import once
from fer_core.errors import FerError

NOTE_MAX = 300
NOT_INTERPRETED = "labels not interpreted: a condition of the face"
"""What an export says in place of labels."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was recorded. `ended_on`: the first day on which it no longer held, None while it does."""

    id: str
    kind: ConditionKind
    note: str
    began_on: date
    ended_on: date | None

    @property
    def revision(self) -> int:
        """A number that another kind, day or note changes."""
        return crc32(repr((self.kind.value, self.began_on, self.ended_on, self.note)).encode())


def add(
    db: Database,
    actor: Actor,
    patient_id: str,
    kind: ConditionKind,
    began_on: date,
    note: str = "",
    seen: Collection[str] | None = None,
) -> None:
    """Store a condition. `seen`: the ids of the conditions that were on the screen, None where there was none.

    It is refused where it holds on that day already. Where it is recorded from a later day on, the time before that
    is added. Raises Forbidden, ConflictError, FerError ``unknown_patient``, ``bad_condition``, ``condition_exists``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        note = _valid(session, patient_id, kind, began_on, None, note)
        ended_on = _need_new(session, patient_id, kind, began_on, note, seen)
        row = FaceCondition(
            patient_id=patient_id,
            kind=kind,
            note=note,
            began_on=began_on,
            ended_on=ended_on,
            recorded_by=account.id,
            recorded_at=clock.now(),
        )
        session.add(row)
        session.flush()
        # Without its kind, which would reveal something about the patient after an erasure.
        audit.write(session, AuditAction.CONDITION_ADDED, account.id, patient_id)
        _forget_digest(session, patient_id)


def _valid(
    session: Session, patient_id: str, kind: ConditionKind, began_on: date, ended_on: date | None, note: str
) -> str:
    """Return the note as it is kept. Raises FerError ``bad_condition``, also for days that no condition can have."""
    born_on, latest = session.get_one(Patient, patient_id).born_on, clock.latest_day(session)
    if not (born_on or FIRST_BIRTH) <= began_on <= latest:
        since = "the patient's birth" if born_on is not None else str(FIRST_BIRTH.year)
        raise FerError(f"Please give the day on which the condition began: from {since} to today.", "bad_condition")
    if ended_on is not None and not began_on <= ended_on <= latest:
        said = (
            f"Please give the first day on which the condition no longer held: from {phrases.day(began_on)} to today."
        )
        raise FerError(said, "bad_condition")
    if kind is ConditionKind.OTHER and not note.strip():
        raise FerError("Please say which condition it is.", "bad_condition")
    return valid_note(note)


def _need_new(
    session: Session, patient_id: str, kind: ConditionKind, began_on: date, note: str, seen: Collection[str] | None
) -> date | None:
    """Return the next day from which on the same condition is recorded as holding, None where there is none."""
    asked = select(FaceCondition).where(FaceCondition.patient_id == patient_id, FaceCondition.kind == kind)
    still = or_(FaceCondition.ended_on.is_(None), FaceCondition.ended_on > began_on)
    ever = or_(FaceCondition.ended_on.is_(None), FaceCondition.ended_on > FaceCondition.began_on)
    hold = session.scalars(asked.where(still, ever)).all()
    same = [row for row in hold if fold(row.note) == fold(note)]
    if any(row.began_on <= began_on for row in same):
        raise FerError("This condition is already recorded for that day.", "condition_exists")
    need_seen(
        "the conditions that hold",
        seen,
        {row.id: _in_words(row.began_on, row.note) for row in hold},
        _in_words(began_on, note),
    )
    return min((row.began_on for row in same), default=None)


def _in_words(began_on: date, note: str) -> str:
    return f"from {phrases.day(began_on)}" + (f": {note}" if note else "")


def end(db: Database, actor: Actor, condition_id: str, seen: int, ended_on: date) -> None:
    """End a condition. `ended_on`: the first day on which it no longer held, from its beginning to today.

    `seen`: its revision on the screen. Raises Forbidden, ConflictError, FerError ``unknown_condition``,
    ``bad_condition``.
    """
    with db.session() as session:
        row, account = _writable(session, actor, condition_id)
        if row.ended_on == ended_on:
            return
        stored = _condition(row)
        need_unchanged("this condition", seen, stored.revision, _differing(stored, replace(stored, ended_on=ended_on)))
        _valid(session, row.patient_id, row.kind, row.began_on, ended_on, row.note)
        row.ended_on = ended_on
        audit.write(session, AuditAction.CONDITION_ENDED, account.id, row.patient_id)
        _forget_digest(session, row.patient_id)


def change(
    db: Database, actor: Actor, condition_id: str, seen: int, began_on: date, ended_on: date | None, note: str
) -> None:
    """Correct the days and the note of a condition. `seen`: its revision on the screen; `ended_on`: as in `end`.

    Raises Forbidden, ConflictError, FerError ``unknown_condition``, ``bad_condition``.
    """
    with db.session() as session:
        row, account = _writable(session, actor, condition_id)
        stored = _condition(row)
        wanted = replace(stored, began_on=began_on, ended_on=ended_on, note=note)
        need_unchanged("this condition", seen, stored.revision, _differing(stored, wanted))
        row.note = _valid(session, row.patient_id, stored.kind, began_on, ended_on, note)
        row.began_on, row.ended_on = began_on, ended_on
        audit.write(session, AuditAction.CONDITION_CHANGED, account.id, row.patient_id)
        _forget_digest(session, row.patient_id)


def _differing(stored: Condition, wanted: Condition) -> list[Difference]:
    kept, other = (f"{lasting(one)} {one.note}".strip() for one in (stored, wanted))
    return [Difference("Condition", kept, other)]


def remove(db: Database, actor: Actor, condition_id: str, seen: int) -> None:
    """Delete a condition that was recorded by mistake. `seen`: its revision on the screen.

    Raises Forbidden, ConflictError, FerError ``unknown_condition``.
    """
    with db.session() as session:
        row, account = _writable(session, actor, condition_id)
        need_unchanged("this condition", seen, _condition(row).revision)
        session.delete(row)
        audit.write(session, AuditAction.CONDITION_DELETED, account.id, row.patient_id)
        _forget_digest(session, row.patient_id)
    db.forget_deleted()


def _writable(session: Session, actor: Actor, condition_id: str) -> tuple[FaceCondition, Account]:
    row = session.get(FaceCondition, condition_id)
    if row is None:
        raise _unknown()
    return row, access.require_writer_of(session, actor, row.patient_id)


def _unknown() -> FerError:
    return FerError("This condition does not exist any more.", "unknown_condition")


def _condition(row: FaceCondition) -> Condition:
    return Condition(row.id, row.kind, row.note, row.began_on, row.ended_on)


def lasting(condition: Condition) -> str:
    """Return when a condition held, in words: with its first and its last day."""
    began = phrases.day(condition.began_on)
    if condition.ended_on is None:
        return f"since {began}"
    if condition.ended_on == condition.began_on:
        return f"from {began}, ended the same day, so that it holds on no day"
    return f"from {began} to {phrases.day(condition.ended_on - timedelta(days=1))}"


def _forget_digest(session: Session, patient_id: str) -> None:
    """Delete the digest of a trend in which other recordings count now; `digests` asks this module for them."""
    session.execute(delete(TrendDigest).where(TrendDigest.patient_id == patient_id))


def conditions(db: Database, actor: Actor, patient_id: str) -> list[Condition]:
    """Return the conditions of a patient, those that hold first. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        return of_patient(session, patient_id)


def of_patient(session: Session, patient_id: str) -> list[Condition]:
    """Return the conditions of a patient, those that hold first; the caller checks the rights."""

    def ask() -> list[Condition]:
        rows = session.scalars(
            select(FaceCondition)
            .where(FaceCondition.patient_id == patient_id)
            .order_by(FaceCondition.ended_on.is_not(None), FaceCondition.began_on.desc(), FaceCondition.number.desc())
        )
        return [_condition(row) for row in rows]

    return once(session, ("conditions", patient_id), ask)


def holding(found: Iterable[Condition], day: date) -> list[Condition]:
    """Return the conditions that hold on a day."""
    return [one for one in found if one.began_on <= day and (one.ended_on is None or day < one.ended_on)]


def unread(session: Session, patient_id: str, day: date) -> bool:
    """Return whether the labels of a patient are not to be interpreted on a day; the caller checks the rights."""
    return bool(holding(of_patient(session, patient_id), day))


def unread_of(session: Session, patient_id: str, recordings: Iterable[Recording]) -> set[str]:
    """Return the ids of those of a patient's recordings whose labels are not to be interpreted, by their days."""
    found = of_patient(session, patient_id)
    return {one.id for one in recordings if holding(found, one.recorded_on)}


def interpreted() -> ColumnElement[bool]:
    """Return the condition of a recording that was made under no condition of the face."""
    still = or_(FaceCondition.ended_on.is_(None), FaceCondition.ended_on > Recording.recorded_on)
    own = FaceCondition.patient_id == Recording.patient_id, FaceCondition.began_on <= Recording.recorded_on
    return ~select(FaceCondition.id).where(*own, still).correlate(Recording).exists()


def not_interpreted(day: date) -> Select[str]:
    """Return the query of the ids of the patients whose labels are not to be interpreted on a day."""
    still = or_(FaceCondition.ended_on.is_(None), FaceCondition.ended_on > day)
    return select(FaceCondition.patient_id).where(FaceCondition.began_on <= day, still)


def valid_note(note: str) -> str:
    """Return a condition's note as it is kept. Raises FerError ``bad_condition``."""
    return texts.short_note(note, NOTE_MAX, "bad_condition")


def check_row(row: Mapping[str, Any]) -> None:
    """Raise ValueError or FerError for an imported condition that could not be shown."""
    if valid_note(row["note"]) != row["note"] or (row["ended_on"] is not None and row["ended_on"] < row["began_on"]):
        raise ValueError("no condition")
