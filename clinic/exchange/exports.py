"""Everything about one patient as a ZIP archive: exact JSON and CSV, and a dictionary of the columns."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, time
from pathlib import Path
from typing import IO, Any, BinaryIO

from sqlalchemy import Column, Select, Table, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, phrases, words
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.exchange.csv_tables import SAMPLES, for_a_spreadsheet, read_me, recording_rows, sample_rows
from clinic.exchange.dictionary import (
    CONSENT_COLUMNS,
    ITEMS_MOST,
    QUESTIONNAIRE_COLUMNS,
    RECORDING_COLUMNS,
    dictionary_rows,
)
from clinic.patients.states import ENDED_WELL, UNDER_WAY, standing_of
from clinic.patients.subject import RecordingKind
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Answer
from clinic.recordings import stored_files, uploads
from clinic.settings import Settings
from clinic.version import VERSION
from db.copies import sync_folder
from db.engine import Database
from db.models import (
    Access,
    ApiTokenPatient,
    AuditText,
    Base,
    Consent,
    HandOver,
    HandOverPatient,
    Job,
    JobState,
    Patient,
    PatientImport,
    Reanalysis,
    Recording,
    ReportJob,
    Sample,
    StoredChunk,
    TrendDigest,
    VideoCopy,
)
from fer_core.errors import FerError
from fer_core.types import Status

FORMAT, SCHEMA_VERSION = "expression-history-patient", 6
"""The second version of the schema has consents, the third numbers rows in the order in which they were written, the
fourth has questionnaires, marks on the time axis, conditions of the face and results of other programs, the
fifth has its use in trainings, the sixth has samples of versions that are not shown in a file of their own."""
PATIENT_JSON, RECORDINGS_CSV = "patient.json", "recordings.csv"
SAMPLES_CSV, OTHER_SAMPLES_CSV = "samples.csv", "samples-other-versions.csv"
CONSENTS_CSV, QUESTIONNAIRES_CSV = "consents.csv", "questionnaires.csv"
DICTIONARY_CSV, READ_ME, MEDIA_FOLDER = "data-dictionary.csv", "README.txt", "media/"
COPY_BYTES = 1 << 20

JOBS: Table = Base.metadata.tables[Job.__tablename__]
NEEDED = (Scope.EXPORT, Scope.KEEP_RESULTS)
"""The scope that an export of results needs."""
OF_THIS_PLACE = frozenset(
    table.__tablename__
    for table in (
        *(Access, ApiTokenPatient, AuditText, HandOver, HandOverPatient, PatientImport),
        *(Reanalysis, ReportJob, StoredChunk, TrendDigest, VideoCopy),
    )
)
"""Tables of how this installation worked, of who and what program sees the patient here or is to, of a device in the
patient's hands now, and of what is worked out of the others."""
OF_THIS_JOB = ("worker", "reanalysis_id", "cursor", "lease_until")
"""What a job keeps of this installation alone; it is left out likewise."""
DERIVED = ("search_key",)
"""Columns that are worked out of others wherever the row is written."""


def export_patient(db: Database, settings: Settings, actor: Actor, patient_id: str, target: BinaryIO) -> None:
    """Write the archive of a patient to an open file, of one moment of the database.

    Kept videos and pictures go with it where the consent to keep them stands.

    Raises Forbidden, ConsentError, FerError ``unknown_patient``, ``analysis_under_way``, ``store_away``.
    """
    with db.session() as session:
        account_id = access.require_writer_of_or_console(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        audit.write(session, AuditAction.PATIENT_EXPORTED, account_id, patient_id)
    with db.read() as session:
        access.require_writer_of_or_console(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        with_kept = consent.missing(session, patient_id, Scope.KEEP_VIDEO) is None
        tables = {table.name: list(_rows(session, table, patient_id)) for table in patient_tables() if table != SAMPLES}
        jobs = tables[Job.__tablename__]
        _refuse_under_way(session, patient_id)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(PATIENT_JSON, json.dumps(_content(tables), ensure_ascii=False, indent=1))
            columns = [column.name for column in SAMPLES.columns]
            for name, shown in ((SAMPLES_CSV, True), (OTHER_SAMPLES_CSV, False)):
                _write_csv(archive, name, columns, sample_rows(session, patient_id, shown))
            recordings = tables[Recording.__tablename__]
            _write_csv(archive, RECORDINGS_CSV, RECORDING_COLUMNS, recording_rows(session, patient_id, recordings))
            by_number = sorted(tables[Consent.__tablename__], key=lambda row: (row["number"], row["scope"]))
            consents = ([row[name] for name in CONSENT_COLUMNS] for row in by_number)
            _write_csv(archive, CONSENTS_CSV, CONSENT_COLUMNS, (map(for_a_spreadsheet, row) for row in consents))
            answered = map(_questionnaire_row, reversed(answers.of_patient(session, patient_id)))
            _write_csv(archive, QUESTIONNAIRES_CSV, QUESTIONNAIRE_COLUMNS, answered)
            _write_csv(archive, DICTIONARY_CSV, *dictionary_rows())
            archive.writestr(READ_ME, read_me(recordings))
            others = _of_others(session, jobs)
            for upload_id in _held_files(session, settings, jobs, with_kept):
                if upload_id in others:
                    continue
                with (
                    uploads.open_stored(settings, upload_id) as file,
                    archive.open(MEDIA_FOLDER + upload_id, "w") as to,
                ):
                    shutil.copyfileobj(file, to, COPY_BYTES)


def _refuse_under_way(session: Session, patient_id: str) -> None:
    """Raise FerError ``analysis_under_way`` while an analysis of the patient is not over, and say which and why."""
    asked = (
        select(Recording, Job)
        .join(Job, Job.recording_id == Recording.id)
        .where(Recording.patient_id == patient_id, Job.state.in_(UNDER_WAY))
        .order_by(Job.state != JobState.CHOOSING, Recording.recorded_on)
    )
    found = session.execute(asked).first()
    if found is not None:
        recording, job = found
        said = standing_of(recording, job, closed=False).sentence
        which = f"Recording of {phrases.visit(recording)}"
        raise FerError(f"{which} is not finished yet. {said}", "analysis_under_way")


def export_to(db: Database, settings: Settings, actor: Actor, patient_id: str, path: Path) -> None:
    """Write a patient's archive to a new file, only for this user; it gets its name when it is complete.

    Raises what `export_patient` raises, FerError ``file_exists``, ``no_folder``, OSError.
    """
    if path.exists():
        raise FerError("A file with this name already exists; nothing was overwritten.", "file_exists")
    if not path.parent.is_dir():
        raise FerError(f"There is no folder {path.parent}.", "no_folder")
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with part.open("r+b") as file:
            export_patient(db, settings, actor, patient_id, file)
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def patient_tables() -> list[Table]:
    """Return the tables whose rows belong to a patient, each after those that it refers to."""
    found: list[Table] = []
    for table in Base.metadata.sorted_tables:
        if table.name in OF_THIS_PLACE:
            continue
        if table.name == Patient.__tablename__ or owner(table, found) is not None:
            found.append(table)
    return found


def owner(table: Table, owned: Iterable[Table]) -> Column[Any] | None:
    """Return the column by which a table's rows belong to those of another, and go with them."""
    for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
        if key.ondelete == "CASCADE" and key.column.table in owned:
            return key.parent
    return None


def _ids(table: Table, patient_id: str) -> Select[Any]:
    """Return the query for the ids of a table's rows that belong to the patient."""
    (id_column,) = table.primary_key.columns
    return select(id_column).where(_belongs(table, patient_id))


def _belongs(table: Table, patient_id: str) -> Any:
    if table.name == Patient.__tablename__:
        return table.c.id == patient_id
    column = owner(table, patient_tables())
    if column is None:
        raise ValueError(f"the rows of {table.name} belong to no patient")
    (parent,) = (key.column.table for key in column.foreign_keys)
    return column.in_(_ids(parent, patient_id))


def _rows(session: Session, table: Table, patient_id: str) -> Iterator[dict[str, Any]]:
    """Yield a table's rows as JSON can hold them, in the order of their keys."""
    found = session.execute(select(table).where(_belongs(table, patient_id)).order_by(*table.primary_key.columns))
    for row in found.mappings():
        left_out = (*DERIVED, *OF_THIS_JOB) if table == JOBS else DERIVED
        kept = {name: value for name, value in row.items() if name not in left_out}
        yield {name: value.isoformat() if isinstance(value, (date, time)) else value for name, value in kept.items()}


def _content(tables: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "exported_at": clock.now().isoformat(),
        "program_version": VERSION,
        "disclaimer": words.DISCLAIMER,
        "tables": tables,
    }


def _questionnaire_row(answer: Answer) -> list[Any]:
    items = [*(answer.items or ()), *[None] * ITEMS_MOST][:ITEMS_MOST]
    cells = [answer.id, answer.answered_on.isoformat(), answer.scale.name, answer.score.total, answer.score.band]
    return [*map(for_a_spreadsheet, cells), answer.score.missing, answer.how, *items]


def _write_csv(archive: zipfile.ZipFile, name: str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with archive.open(name, "w") as raw, _text(raw) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _text(raw: IO[bytes]) -> io.TextIOWrapper:
    # With the byte order mark Excel reads UTF-8; without it umlauts come out wrong.
    return io.TextIOWrapper(raw, "utf-8-sig", newline="")


def _of_others(session: Session, jobs: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the pictures in which only others were seen: who chose said that the patient isn't there."""
    found = select(Sample.recording_id, Sample.frame_index, Sample.status).join(Recording)
    rows = session.execute(
        found.where(
            Sample.recording_id.in_([job["recording_id"] for job in jobs]),
            Recording.kind == RecordingKind.PICTURES,
            Sample.status != Status.NO_FACE.value,
        )
    )
    sources = {job["recording_id"]: job["sources"] for job in jobs}
    others: dict[bool, set[str]] = {True: set(), False: set()}
    for recording_id, index, status in rows:
        if index < len(sources[recording_id]):
            others[status == Status.OTHERS].add(sources[recording_id][index]["id"])
    return others[True] - others[False]


def _held_files(session: Session, settings: Settings, jobs: list[dict[str, Any]], with_kept: bool) -> Iterator[str]:
    """Yield the ids of the patient's files that are still stored: kept, or to retry a failed analysis."""
    kept = {source["id"] for job in jobs if job["state"] in ENDED_WELL for source in job["sources"]}
    # Versions of a recording share their files.
    ids = dict.fromkeys(source["id"] for job in jobs for source in job["sources"])
    wanted = [upload_id for upload_id in ids if with_kept or upload_id not in kept]
    stored_files.are_there(session, settings, wanted)
    for upload_id in wanted:
        if uploads.stored(settings, [upload_id]):
            yield upload_id
