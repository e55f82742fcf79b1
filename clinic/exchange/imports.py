"""An export brought back: the whole patient with the same ids and values, or nothing."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO

from sqlalchemy import Table, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backup import erasures
from clinic import access, audit
from clinic.access import Actor
from clinic.accounts import accounts
from clinic.audit import AuditAction
from clinic.exchange.exports import MEDIA_FOLDER, SAMPLES, patient_tables
from clinic.exchange.import_checks import check
from clinic.exchange.import_rows import Row, Tables, read_samples, read_tables
from clinic.recordings import uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, Patient, Recording
from fer_core.errors import FerError, MediaError

ROWS_AT_ONCE = 5000
"""Rows of samples that are written with one statement."""

OF_QUESTIONNAIRES = ("bad_items", "bad_total", "bad_scale", "unknown_scale", "bad_event", "bad_condition", "bad_mark")
DAMAGE = (EOFError, IntegrityError, LookupError, RuntimeError, TypeError, ValueError)


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
            tables = read_tables(archive)
            check(tables)
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
    for rows in _batches(read_samples(archive, own)):
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


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, ROWS_AT_ONCE)):
        yield batch
