"""An export brought back: the whole patient with the same ids and values, or nothing."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from datetime import time as clock_time
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy import JSON, Column, String, Table, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backup import erasures
from clinic import access, audit
from clinic.access import Actor
from clinic.accounts import accounts
from clinic.audit import AuditAction
from clinic.consent.consent import DOCUMENT_MAX, Scope
from clinic.exchange.exports import (
    DERIVED,
    FORMAT,
    MEDIA_FOLDER,
    OF_THIS_JOB,
    PATIENT_JSON,
    SAMPLES,
    SAMPLES_CSV,
    SCHEMA_VERSION,
    owner,
    patient_tables,
)
from clinic.jobs.jobs import ACTIVE
from clinic.patients import conditions, events, fields, imported
from clinic.patients.summaries import Summary
from clinic.questionnaires import answers, scales, schedule
from clinic.questionnaires.published import PUBLISHED
from clinic.recordings import marks, uploads
from clinic.settings import Settings
from clinic.texts import hides_something
from db.engine import Database
from db.models import (
    Consent,
    FaceCondition,
    ImportedSeries,
    Job,
    JobState,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingMark,
    UtcDateTime,
)
from fer_core.errors import FerError, MediaError
from fer_core.types import Status

JSON_BYTES, JSON_VALUES = 64 << 20, 1_000_000
"""The most that the JSON may hold: what is larger is no export, but made to fill the memory. Large patients' exports
have some thousand values for each recording; a million take about 100 MB when they are read."""
ROWS_AT_ONCE = 5000
"""Rows of samples that are written with one statement."""

OF_QUESTIONNAIRES = ("bad_items", "bad_total", "bad_scale", "unknown_scale", "bad_event", "bad_condition", "bad_mark")
DAMAGE = (EOFError, IntegrityError, LookupError, RuntimeError, TypeError, ValueError)

Row = dict[str, Any]
Tables = dict[str, list[Row]]
MOST_VISITS = 10**6
"""No archive of a person has more: a higher number would leave none for the visits to come."""


def import_patient(db: Database, settings: Settings, actor: Actor, file: BinaryIO) -> str:
    """Add the patient of an archive to the own caseload and return the id; on any refusal nothing was added.

    The consents come with it; a patient of an archive from before consents were recorded has none.

    From the console, the patient goes to the first administrator.

    Raises Forbidden, FerError ``bad_export``, ``export_newer``, ``export_too_large``, ``patient_exists``,
    ``patient_erased``.
    """
    with db.read() as session:
        access.require_writer_or_console(session, actor)
    try:
        with zipfile.ZipFile(file) as archive:
            tables = _tables(archive)
            patient_id = str(tables[Patient.__tablename__][0]["id"])
            _refuse_known(db, settings, patient_id)
            stored: list[str] = []
            try:
                _store_files(settings, archive, tables[Job.__tablename__], stored)
                with db.session() as session:
                    account = access.require_writer_or_console(session, actor) or accounts.first_administrator(session)
                    _add(session, archive, tables)
                    if account is not None:
                        accounts.grant(session, account.id, patient_id)
                    by = account.id if account is not None and actor is not access.CONSOLE else None
                    audit.write(session, AuditAction.PATIENT_IMPORTED, by, patient_id)
            except BaseException:
                uploads.discard(settings, stored)
                raise
            return patient_id
    except FerError as error:
        if _is_of_the_archive(error):
            raise _bad_export() from None
        raise
    # What reading a file that was damaged, or made up, can meet with.
    except (*DAMAGE, csv.Error, zipfile.BadZipFile, zlib.error):
        raise _bad_export() from None


def _bad_export() -> FerError:
    return FerError("This file is no export of this program, or it is damaged. Nothing was added.", "bad_export")


def _is_of_the_archive(error: FerError) -> bool:
    """Return whether a refusal is due to what the archive holds, and not to this installation."""
    if isinstance(error, MediaError):
        return error.code not in ("too_big", "disk_full")
    return error.code in ("bad_name", "bad_note", "bad_code", *OF_QUESTIONNAIRES)


def _tables(archive: zipfile.ZipFile) -> Tables:
    """Return the rows of the JSON, typed and checked. Raises FerError ``export_newer`` and whatever bad JSON raises."""
    told = json.loads(_bounded(archive))
    if told["format"] != FORMAT:
        raise ValueError("another format")
    known = {table.name: table for table in patient_tables() if table is not SAMPLES}
    newer = told["schema_version"] > SCHEMA_VERSION or not set(told["tables"]) <= set(known)
    if newer or not all(
        set(row) <= set(known[name].columns.keys()) for name, rows in told["tables"].items() for row in rows
    ):
        raise FerError("This export was made by a newer version of the program; please update first.", "export_newer")
    tables = {name: [_typed(table, row) for row in told["tables"].get(name, [])] for name, table in known.items()}
    for rows, names in [(rows, DERIVED) for rows in tables.values()] + [(tables[Job.__tablename__], OF_THIS_JOB)]:
        for row in rows:
            for name in names:
                row.pop(name, None)
    _check(known, tables)
    return tables


def _bounded(archive: zipfile.ZipFile) -> bytes:
    """Return the JSON where it is small enough to be read: few bytes can be many objects.

    Raises FerError ``export_too_large``.
    """
    large = archive.getinfo(PATIENT_JSON).file_size > JSON_BYTES
    text = b"" if large else archive.read(PATIENT_JSON)
    # Each value but the first follows on one of these, or stands in text that holds it.
    if large or sum(text.count(mark) for mark in (b",", b"[", b"{")) > JSON_VALUES:
        raise FerError(
            f"This export holds more than is taken at once ({JSON_BYTES >> 20} MiB or {JSON_VALUES:,} values beside the"
            " samples). Nothing was added.",
            "export_too_large",
        )
    return text


def _check(known: dict[str, Table], tables: Tables) -> None:
    """Raise ValueError or TypeError for rows that are not all of one patient, or that the pages could not show."""
    (patient,) = tables[Patient.__tablename__]
    for name, table in known.items():
        column = owner(table, known.values())
        for row in tables[name]:
            if column is not None:
                (parent,) = (key.column.table.name for key in column.foreign_keys)
                if row[column.name] not in {above["id"] for above in tables[parent]}:
                    raise ValueError("a row of another patient")
            if "id" in row and not re.fullmatch(r"[0-9a-f]{32}", row["id"]):
                raise ValueError("no id")
    # Versions of before kept marks that are not seen.
    patient["name"] = fields.valid_name(patient["name"])
    patient["code"] = fields.valid_code(patient.get("code", ""))
    recordings = tables[Recording.__tablename__]
    firsts = {recording["id"] for recording in recordings if recording.get("version_of") is None}
    for recording in recordings:
        if recording.get("version_of") not in {None, *firsts}:
            raise ValueError("a version of another patient's recording")
        _check_recording(recording)
    _number_visits(patient, recordings)
    for given in tables[Consent.__tablename__]:
        _check_consent(given)
    for answer in tables[QuestionnaireAnswer.__tablename__]:
        _check_answer(answer)
    for planned in tables[QuestionnaireSchedule.__tablename__]:
        _check_schedule(planned)
    for marked in tables[RecordingMark.__tablename__]:
        marks.check_row(marked)
    for mark in tables[PatientEvent.__tablename__]:
        events.check_row(mark)
    for condition in tables[FaceCondition.__tablename__]:
        conditions.check_row(condition)
    for series in tables[ImportedSeries.__tablename__]:
        imported.check_row(series)
    for job in tables[Job.__tablename__]:
        # The sentence is shown as it is, and Markdown could hide a link in it.
        if JobState(job["state"]) in ACTIVE or re.search(r"[\[\]<>`]", job.get("error_message") or ""):
            raise ValueError("no ended analysis")


def _number_visits(patient: Row, recordings: list[Row]) -> None:
    """Give the visits of an export from before they had numbers theirs. Raises ValueError where two have the same."""
    firsts = [recording for recording in recordings if recording.get("version_of") is None]
    in_order = sorted(firsts, key=lambda row: (row.get("number", 0), row["created_at"], row["id"]))
    numbers = {row["id"]: row.get("visit_number", place) for place, row in enumerate(in_order, 1)}
    if len(set(numbers.values())) != len(numbers) or any(not 0 < number < MOST_VISITS for number in numbers.values()):
        raise ValueError("no numbers of visits")
    for recording in recordings:
        recording["visit_number"] = numbers[recording.get("version_of") or recording["id"]]
    patient["visits"] = max([0, *numbers.values(), min(patient.get("visits", 0), MOST_VISITS)])


def _check_consent(given: Row) -> None:
    Scope(given["scope"])
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
    return scale in PUBLISHED or re.fullmatch(r"[0-9a-f]{32}", scale) is not None


def _check_recording(recording: Row) -> None:
    settings, chosen_in = recording["settings"], recording["settings"].get("chosen_in")
    if not isinstance(settings, dict) or (chosen_in is not None and not re.fullmatch(r"[0-9a-f]{32}", chosen_in)):
        raise ValueError("no settings")
    if recording["kind"] not in ("video", "pictures"):
        raise ValueError("no kind of recording")
    fields.valid_note(recording["note"])
    if name := unicodedata.normalize("NFC", recording["source_name"]):
        recording["source_name"] = uploads.clean_name(name)
        if recording["source_name"] != name:
            raise ValueError("a name with something hidden in it")
    if recording["summary"] is not None:
        Summary.from_dict(recording["summary"])


def _typed(table: Table, row: Row) -> Row:
    return {name: _value(table.columns[name], value) for name, value in row.items()}


def _value(column: Column[Any], value: Any) -> Any:
    """Return a value of JSON as the column holds it. Raises ValueError for one that doesn't fit."""
    if value is None and column.nullable:
        return None
    kind = column.type.python_type
    if isinstance(column.type, JSON):
        if isinstance(value, (dict, list)):
            return value
    elif isinstance(column.type, UtcDateTime):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    elif kind in (date, clock_time):
        return kind.fromisoformat(value)
    elif kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    elif type(value) is kind and not _too_long(column, value):
        return value
    raise ValueError(f"{column.name} doesn't hold this")


def _too_long(column: Column[Any], value: Any) -> bool:
    return isinstance(column.type, String) and len(value) > (column.type.length or math.inf)


def _refuse_known(db: Database, settings: Settings, patient_id: str) -> None:
    with db.read() as session:
        if session.get(Patient, patient_id) is not None:
            raise FerError("This patient is in the list already; nothing was added.", "patient_exists")
    erased = {erasure.erased_id for erasure in erasures.known(settings.erasures_path)}
    if patient_id in erased:
        raise FerError("This patient was erased for good here, so the export is not taken back.", "patient_erased")


def _store_files(settings: Settings, archive: zipfile.ZipFile, jobs: list[Row], stored: list[str]) -> None:
    """Seal and inspect the archive's media anew; `stored` gets the ids of what has to go if something fails."""
    expected = {source["id"]: source for job in jobs for source in job["sources"]}
    for name in archive.namelist():
        if not name.startswith(MEDIA_FOLDER):
            continue
        source = expected[name.removeprefix(MEDIA_FOLDER)]
        if uploads.stored(settings, [source["id"]]):
            raise ValueError("a file that is there already")
        with archive.open(name) as content:
            made = uploads.take_in(settings, content, source["name"], source["id"])  # type: ignore[arg-type]
        stored.append(made.id)
        if made.sha256 != source["sha256"]:
            raise ValueError("another file")
        for one in (one for job in jobs for one in job["sources"] if one["id"] == made.id):
            # As what it is played is told by its content here, and not by the archive.
            one |= {"media_type": made.media_type, "begins_s": made.begins_s}


def _add(session: Session, archive: zipfile.ZipFile, tables: Tables) -> None:
    for table in patient_tables():
        if table is not SAMPLES and tables[table.name]:
            # A recording's first version before the others, which refer to it.
            rows = sorted(
                _numbered(session, table, tables[table.name]), key=lambda row: row.get("version_of") is not None
            )
            session.execute(insert(table), rows)
    own = {recording["id"] for recording in tables[Recording.__tablename__]}
    for rows in _batches(_samples(archive, own)):
        session.execute(insert(SAMPLES), rows)


def _numbered(session: Session, table: Table, rows: list[Row]) -> list[Row]:
    """Return the rows with this installation's next numbers, in the order in which they were written elsewhere."""
    if "number" not in table.columns:
        return rows
    instant = "recorded_at" if "recorded_at" in table.columns else "created_at"
    # Exports of before rows were numbered say no more than when it was.
    ordered = sorted(rows, key=lambda row: (row.get("number", 0), row[instant], row["id"]))
    last = session.scalar(select(func.max(table.c.number))) or 0
    return [{**row, "number": last + place} for place, row in enumerate(ordered, 1)]


def _samples(archive: zipfile.ZipFile, own: set[str]) -> Iterator[Row]:
    """Yield the rows of the samples. Raises ValueError for one of a recording that is not in the archive."""
    with archive.open(SAMPLES_CSV) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        for cells in csv.DictReader(text, strict=True):
            row = {name: _cell(SAMPLES.columns[name], cell) for name, cell in cells.items()}
            if row["recording_id"] not in own:
                raise ValueError("a sample of another recording")
            Status(row["status"])
            yield row


def _cell(column: Column[Any], cell: str) -> Any:
    if cell == "" and column.nullable:
        return None
    value = column.type.python_type(cell)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("no number")
    return value


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, ROWS_AT_ONCE)):
        yield batch
