"""Checks that an archive's rows belong to one patient and can be shown by the pages."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, date, datetime
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import JSON, Column, Enum, String, Table

from clinic import clock, phrases
from clinic.consent.giving import DOCUMENT_MAX
from clinic.exchange import imported_series
from clinic.exchange.archive_rows import MOST_NUMBER, Row, newer
from clinic.exchange.exports import owner
from clinic.exchange.summary_checks import check_settings, check_summary, need_plain
from clinic.patients import conditions, events, fields
from clinic.patients.edits import DATED
from clinic.patients.states import REPLACED, UNDER_WAY, Replaced
from clinic.questionnaires import answers, scales, schedule
from clinic.questionnaires.published import PUBLISHED
from clinic.recordings import marks, uploads
from clinic.texts import hides_something
from db.models import (
    Consent,
    FaceCondition,
    ImportedSeries,
    Job,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingMark,
    TrainingUse,
    UtcDateTime,
)
from fer_core.errors import FerError

Tables = dict[str, list[Row]]
MOST_VISITS = 10**6
"""No archive of a person has more: a higher number would leave none for the visits to come."""


def check(known: dict[str, Table], tables: Tables) -> None:
    """Raise ValueError or TypeError for rows that are not all of one patient, or that the pages could not show.

    Raises FerError ``impossible_day`` for a day that no page would take.
    """
    (patient,) = tables[Patient.__tablename__]
    for name, table in known.items():
        _check_owners(table, owner(table, known.values()), tables)
        if check_row := CHECKS.get(name):
            for row in tables[name]:
                check_row(row)
    # Versions of before kept marks that are not seen.
    patient["name"] = fields.valid_name(patient["name"])
    patient["code"] = fields.valid_code(patient.get("code", ""))
    recordings = tables[Recording.__tablename__]
    may_name = {None, *(recording["id"] for recording in recordings if recording.get("version_of") is None)}
    if any(recording.get("version_of") not in may_name for recording in recordings):
        raise ValueError("a version of another patient's recording")
    _number_visits(patient, recordings)
    _check_days(patient, tables)


def _check_days(patient: Row, tables: Tables) -> None:
    """Refuse what is of before the birth, or of before any recording can be, or still to come anywhere on Earth."""
    born_on, last = patient.get("born_on"), (clock.now() + fields.FURTHEST_ZONE).date()
    _need_day("a date of birth", born_on, fields.FIRST_BIRTH, last)
    for what, column in DATED.items():
        lasting = column.class_ in (Consent, FaceCondition)
        first = born_on or (fields.FIRST_BIRTH if lasting else clock.FIRST_DAY)
        for row in tables[column.class_.__tablename__]:
            _need_day(what, row.get(column.key), first, last)
    for row in tables[FaceCondition.__tablename__]:
        _need_day("the end of a condition of the face", row.get("ended_on"), fields.FIRST_BIRTH, last)
    for row in tables[QuestionnaireSchedule.__tablename__]:
        _need_day("a schedule of questionnaires", row["first_due"], clock.FIRST_DAY, last + schedule.AHEAD_MOST)


def _need_day(what: str, day: date | None, first: date, last: date) -> None:
    if day is not None and not first <= day <= last:
        why = f"it is before {phrases.day(first)}" if day < first else "that day is still to come"
        raise FerError(
            f"This file has {what} of {phrases.day(day)}, which can't be: {why}. Nothing was added."
            " Please correct the day where the file was exported, and export it again.",
            "impossible_day",
        )


def _check_owners(table: Table, column: Column[Any] | None, tables: Tables) -> None:
    """Raise ValueError for a row that belongs to none of the archive's, or has no id."""
    if column is not None:
        (parent,) = (key.column.table.name for key in column.foreign_keys)
        above = {row["id"] for row in tables[parent]}
        if any(row[column.name] not in above for row in tables[table.name]):
            raise ValueError("a row of another patient")
    if any("id" in row and not _is_id(row["id"]) for row in tables[table.name]):
        raise ValueError("no id")


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def _check_job(job: Row) -> None:
    # The sentence is shown as it is: Markdown could hide a link in it, and makes one of an address.
    if job["state"] in UNDER_WAY or re.search(r"(?i)[\[\]<>`@]|://|www\.", job.get("error_message") or ""):
        raise ValueError("no ended analysis")
    if not all(_is_id(source["id"]) for source in job["sources"]):
        raise ValueError("no id of a file")
    faces = [source for source in job["sources"] if source.get("kind") == uploads.FACE]
    if not all(isinstance(face["at_s"], (int, float)) and math.isfinite(face["at_s"]) for face in faces):
        raise ValueError("no moment of a picture")


def _number_visits(patient: Row, recordings: list[Row]) -> None:
    """Number the visits of an export from before visits had numbers. Raises ValueError where two have the same."""
    firsts = [recording for recording in recordings if recording.get("version_of") is None]
    in_order = sorted(firsts, key=lambda row: (row.get("number", 0), row["created_at"], row["id"]))
    numbers = {row["id"]: row.get("visit_number", place) for place, row in enumerate(in_order, 1)}
    if len(set(numbers.values())) != len(numbers) or any(not 0 < number < MOST_VISITS for number in numbers.values()):
        raise ValueError("no numbers of visits")
    for recording in recordings:
        recording["visit_number"] = numbers[recording.get("version_of") or recording["id"]]
    patient["visits"] = max([0, *numbers.values(), min(patient.get("visits", 0), MOST_VISITS)])


def _check_use(use: Row) -> None:
    if use["moments"] < 0 or use["run_number"] < 1 or not _is_id(use["training_id"]):
        raise ValueError("no use in a training")


def _check_consent(given: Row) -> None:
    if hides_something(given["document"]) or len(given["document"]) > DOCUMENT_MAX:
        raise ValueError("a document with something hidden in it")


def _check_answer(answer: Row) -> None:
    scale = scales.read_description(answer["scale"], answer["definition"])
    items = answer["items"]
    if items is not None and not isinstance(items, list):
        raise ValueError("no answers")
    if items is None and answer["total"] is None:
        raise ValueError("neither answers nor a total")
    score = answers.score_of(scale, items, answer["total"])
    if answer["how"] not in answers.HOW or score.total != answer["total"] or not _is_key(answer["scale"]):
        raise ValueError("no questionnaire")


def _check_schedule(planned: Row) -> None:
    if hides_something(planned["name"]) or not 1 <= planned["every_days"] <= schedule.EVERY_MOST:
        raise ValueError("no schedule")
    if not _is_key(planned["scale"]):
        raise ValueError("no questionnaire")


def _is_key(scale: str) -> bool:
    return scale in PUBLISHED or _is_id(scale)


def _check_recording(recording: Row) -> None:
    settings = recording["settings"]
    check_settings(settings)
    if "chosen_in" in settings and not _is_id(settings["chosen_in"]):
        raise ValueError("no settings")
    if settings.get(REPLACED) not in (None, True, *Replaced):
        raise ValueError("no reason why a result was deleted")
    fields.valid_note(recording["note"])
    if not _is_zone(recording.get("recorded_zone")):
        recording["recorded_zone"] = None
    if name := unicodedata.normalize("NFC", recording["source_name"]):
        recording["source_name"] = uploads.clean_name(name)
        if recording["source_name"] != name:
            raise ValueError("a name with something hidden in it")
    if recording["summary"] is not None:
        check_summary(recording["summary"], recording["kind"])


def _is_zone(name: object) -> bool:
    """Return whether this computer knows a time zone, so that it can say what its offset was."""
    try:
        return isinstance(name, str) and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def typed(table: Table, row: Row) -> Row:
    """Return a row of JSON as the table holds it. Raises FerError ``export_newer``, ValueError, TypeError."""
    if not row.keys() <= set(table.columns.keys()):
        raise newer()
    return {name: _value(table.columns[name], value) for name, value in row.items()}


def _value(column: Column[Any], value: Any) -> Any:
    """Return a value of JSON as the column holds it. Raises ValueError for one that doesn't fit."""
    if value is None and column.nullable:
        return None
    need_plain(value)
    kind = column.type.python_type
    if isinstance(column.type, JSON):
        if isinstance(value, (dict, list)):
            return value
    elif isinstance(column.type, UtcDateTime):
        moment = datetime.fromisoformat(value)
        # Within a day of Python's first and last moment, another time zone has no name for it.
        if moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR:
            return moment
    elif isinstance(column.type, Enum):
        return kind(value)
    elif kind in (date, clock_time):
        return kind.fromisoformat(value)
    elif kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    elif type(value) is kind and not _too_long(column, value):
        return value
    raise ValueError(f"{column.name} doesn't hold this")


def _too_long(column: Column[Any], value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) > MOST_NUMBER
    return isinstance(column.type, String) and len(value) > (column.type.length or math.inf)


CHECKS: dict[str, Callable[[Row], None]] = {
    Recording.__tablename__: _check_recording,
    Consent.__tablename__: _check_consent,
    QuestionnaireAnswer.__tablename__: _check_answer,
    QuestionnaireSchedule.__tablename__: _check_schedule,
    RecordingMark.__tablename__: marks.check_row,
    PatientEvent.__tablename__: events.check_row,
    FaceCondition.__tablename__: conditions.check_row,
    ImportedSeries.__tablename__: imported_series.check_row,
    Job.__tablename__: _check_job,
    TrainingUse.__tablename__: _check_use,
}
