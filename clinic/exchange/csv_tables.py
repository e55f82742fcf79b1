"""The tables of recordings and samples of a patient's archive, for people, spreadsheets and statistics programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from clinic import phrases, words
from clinic.exchange.dictionary import RECORDING_COLUMNS
from clinic.patients import conditions
from clinic.patients.conditions import NOT_INTERPRETED, Condition, holding
from clinic.patients.states import standing_of
from clinic.patients.summaries import within
from db.models import Base, Job, Recording, Sample
from db.records import NO_TRACK, others_spans
from fer_core.types import Status

SAMPLES: Table = Base.metadata.tables[Sample.__tablename__]
"""The one table of which an archive has the CSV alone: it has thousands of rows."""
_FORMULA = re.compile(r"""(?<![\s"';,])([\s"';,]*+)([=+\-@＝＋－＠])""")
"""What may stand before a cell, and what makes a formula of it. Each run is looked at once, however long it is."""
_CELL_BEGINS = re.compile(r"[;,\t\r\n\v\f\x85\u2028\u2029]")


def recording_rows(session: Session, patient_id: str, recordings: Sequence[Mapping[str, Any]]) -> Iterator[list[Any]]:
    """Yield the cells of each version of each recording, in the order of time. `recordings`: as the JSON has them."""
    unread = conditions.of_patient(session, patient_id)
    states = _states(session, patient_id, unread)
    for row in sorted(recordings, key=_in_time):
        yield _recording_row({**row, "shown": row["current"], "state": states[row["id"]]}, unread)


def sample_rows(session: Session, patient_id: str, shown: bool) -> Iterator[Iterable[Any]]:
    """Yield the samples of the versions that are shown, or those of all others, in the order of time."""
    day = (Recording.recorded_on, Recording.recorded_time.asc().nulls_last())
    in_time = (*day, Recording.number, *SAMPLES.primary_key.columns)
    of_these = Recording.patient_id == patient_id, Recording.current.is_(shown)
    asked = select(SAMPLES).join(Recording, Recording.id == SAMPLES.c.recording_id).where(*of_these).order_by(*in_time)
    recordings = session.scalars(select(Recording.id).where(*of_these)).all()
    others = {recording_id: others_spans(session, recording_id) for recording_id in recordings}
    # Python writes a float so that reading it gives the same one; None becomes an empty cell.
    for row in session.execute(asked.execution_options(yield_per=5000)):
        is_other = any(begin_s <= row.time_s < end_s for begin_s, end_s in others[row.recording_id])
        yield _without_values(row._asdict()) if is_other else row


def read_me(recordings: Sequence[Mapping[str, Any]]) -> str:
    """Return the text that says what the tables hold. `recordings`: as the JSON has them."""
    visits = phrases.counted(sum(row["current"] for row in recordings), "visit")
    versions = words.VERSIONS_IN_TABLES.format(visits=visits, rows=phrases.counted(len(recordings), "row"))
    lines = words.DISCLAIMER, words.INTENDED_USE, versions, words.LABELS_OF_A_CONDITION
    return "".join(f"{line}\n" for line in lines)


def for_a_spreadsheet(value: Any) -> Any:
    """Return a value so that no spreadsheet takes it for a formula; the exact text stands in the JSON.

    Some divide cells at a semicolon or a tab, whatever the file says: what stands behind one may begin a cell too.
    """
    if isinstance(value, bool):
        return int(value)
    return _FORMULA.sub(_defused, value) if isinstance(value, str) else value


def _defused(found: re.Match[str]) -> str:
    """Return a formula's beginning behind an apostrophe where a cell may begin there, and else as it was."""
    begins = found.start() == 0 or _CELL_BEGINS.search(found[1])
    return f"{found[1]}'{found[2]}" if begins else found[0]


def _states(session: Session, patient_id: str, unread: Sequence[Condition]) -> dict[str, str]:
    """Return the state of each version, by its id, as pages say it."""
    asked = select(Recording, Job).outerjoin(Job, Job.recording_id == Recording.id)
    return {
        recording.id: standing_of(recording, job, False, bool(holding(unread, recording.recorded_on))).state.value
        for recording, job in session.execute(asked.where(Recording.patient_id == patient_id))
    }


def _without_values(row: Mapping[str, Any]) -> list[Any]:
    """Return a sample's row without values of a person who is marked as not the patient."""
    kept = {name: row[name] for name in ("recording_id", "frame_index", "time_s")}
    known = {**kept, "track": NO_TRACK, "status": Status.NOT_PATIENT.value}
    return [known.get(column.name) for column in SAMPLES.columns]


def _in_time(recording: Mapping[str, Any]) -> tuple[str, bool, str, int]:
    """Return the sort key of a recording: day, time of day (one without it comes last), and order of entry."""
    at = recording["recorded_time"]
    return recording["recorded_on"], at is None, at or "", recording["number"]


def _recording_row(recording: Mapping[str, Any], found: Sequence[Condition]) -> list[Any]:
    """Return the cells of a recording; its shares are left out where a condition of the face held on its day."""
    summary = recording["summary"] or {}
    unread = bool(holding(found, date.fromisoformat(recording["recorded_on"])))
    shares = {} if unread else summary.get("shares") or {}
    known = {**recording, **summary, **{f"share_{label}": share for label, share in shares.items()}}
    for name in ("usable_s", "longest_gap_s"):
        known[name] = within(known.get(name), recording["duration_s"], recording["settings"].get("every_s"))
    if not summary:
        known["model_sha256"] = None  # It was asked for, and made nothing.
    known["not_interpreted"] = NOT_INTERPRETED if unread else None
    return [for_a_spreadsheet(known.get(name)) for name in RECORDING_COLUMNS]
