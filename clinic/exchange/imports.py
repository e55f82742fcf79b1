"""Importing an export: the whole patient with the same ids and values, or nothing.

It is staged: rows are written some thousand at a time, so that others can write in between, and stay hidden until all
of them are written (`import_queue`). A page queues an archive and a worker imports it; the command line does so itself.
"""

from __future__ import annotations

import csv
import logging
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backup import erasures
from clinic import access, audit
from clinic.access import Actor
from clinic.accounts import accounts
from clinic.audit import AuditAction
from clinic.exchange import archive_rows, import_checks, import_queue, recorders
from clinic.exchange.archive_rows import Row, read_samples, read_tables
from clinic.exchange.csv_tables import SAMPLES
from clinic.exchange.exports import DERIVED, JOBS, MEDIA_FOLDER, OF_THIS_JOB, patient_tables
from clinic.exchange.import_checks import Tables
from clinic.exchange.import_queue import ROWS_AT_ONCE, HeldImport, StoppedError, writing
from clinic.jobs.leases import LeaseLostError
from clinic.patients.doubles import doubles
from clinic.recordings import incoming, uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, JobState, Patient, PatientImport, Recording
from db.room import DiskFullError, disk_full
from fer_core.errors import Cancelled, FerError, MediaError

OF_QUESTIONNAIRES = ("bad_items", "bad_total", "bad_scale", "unknown_scale", "bad_event", "bad_condition", "bad_mark")
DAMAGE = (
    *(ArithmeticError, EOFError, IntegrityError, LookupError, RuntimeError, TypeError, ValueError),
    *(csv.Error, zipfile.BadZipFile, zlib.error),
)
"""Errors that reading a damaged or forged file can raise."""
LARGE_ROWS_AT_ONCE = 500
"""Of those that are not samples: a recording's has some kilobytes."""
RENEW_EVERY_S = 5.0
SAMPLE_BYTES = 1024
"""What a sample may take on the disk, with its indexes and the database's log."""

log = logging.getLogger(__name__)


def import_patient(db: Database, settings: Settings, actor: Actor, file: BinaryIO) -> str:
    """Add the patient of an archive to the user's caseload and return the id; on any refusal nothing was added.

    The consents come with it; a patient of an archive from before consents were recorded has none.

    From the console, the patient goes to the first administrator.

    Raises Forbidden, FerError ``bad_export``, ``export_newer``, ``export_too_large``, ``patient_exists``,
    ``patient_erased``, MediaError ``quota``, ``too_big``, ``disk_full``.
    """
    with db.read() as session:
        account = access.require_writer_or_console(session, actor)
    return _carry_out(db, settings, import_queue.hold_new(db, account.id if account is not None else None), file)


def doubles_of(db: Database, patient_id: str) -> list[str]:
    """Return sentences about patients who may be the one that the console imported, under another id."""
    with db.read() as session:
        return doubles(session, patient_id, None).sentences()


def work_once(db: Database, settings: Settings, worker: str, sign: Callable[[], None]) -> bool:
    """Import the archive that has waited longest; return whether there was one. For a worker.

    `sign` is called again and again meanwhile, and raises StoppedError where the worker shall end.
    Raises DiskFullError where not even the refusal can be written down.
    """
    held = import_queue.claim(db, worker)
    if held is None:
        return False
    if import_queue.tried_too_often(db, held) or held.upload_id is None or held.account_id is None:
        _give_up(db, settings, held, JobState.FAILED, import_queue.interrupted())
        return True
    try:
        with incoming.opened(settings, held.upload_id, held.account_id) as archive:
            _carry_out(db, settings, held, archive, sign)
    except (StoppedError, LeaseLostError):
        return True
    except FerError as error:
        if disk_full(error):
            raise
        # Otherwise it ended with this sentence, unless its archive was not there.
        with suppress(LeaseLostError):
            _give_up(db, settings, held, JobState.FAILED, error)
    with suppress(FerError):
        incoming.cancel(settings, held.upload_id, held.account_id)
    return True


def _carry_out(
    db: Database, settings: Settings, held: HeldImport, file: BinaryIO, sign: Callable[[], None] = lambda: None
) -> str:
    """Import an archive and end the import; after a failure nothing of it is left."""
    try:
        import_queue.clear(db, settings, held)
        with archive_rows.opened(file) as archive:
            return _Import(db, settings, held, archive, sign).to_end()
    except LeaseLostError:
        raise
    except StoppedError:
        import_queue.give_back(db, held)
        raise
    except BaseException as error:
        if disk_full(error):
            raise DiskFullError from error
        shown = _shown_error(error)
        if isinstance(error, Exception) and shown.code == import_queue.INTERRUPTED:
            log.error("an import failed: %s", _where(error))
        _give_up(db, settings, held, JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED, shown)
        if shown is error or not isinstance(error, Exception):
            raise
        raise shown from error


def _give_up(db: Database, settings: Settings, held: HeldImport, state: JobState, error: FerError) -> None:
    import_queue.clear(db, settings, held)
    import_queue.end_badly(db, held, state, error)


def _shown_error(error: BaseException) -> FerError:
    """Return the error that the user sees; all errors of damaged or forged archives share one sentence."""
    if isinstance(error, FerError) and not _is_of_the_archive(error):
        return error
    if isinstance(error, (FerError, *DAMAGE)):
        return FerError(
            "This file is not an export of this program, or it is damaged. Nothing was added.", "bad_export"
        )
    return import_queue.interrupted()


def _is_of_the_archive(error: FerError) -> bool:
    """Return whether a refusal is due to what the archive holds, and not to this installation."""
    if isinstance(error, MediaError):
        return error.code not in ("too_big", "disk_full", "quota")
    return error.code in ("bad_name", "bad_note", "bad_code", *OF_QUESTIONNAIRES)


def _where(error: BaseException) -> str:
    """Return the kind of an error and where it was raised; its text may hold a patient's data."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{type(error).__name__} in {', '.join(f'{frame.name}:{frame.lineno}' for frame in last)}"


@dataclass(slots=True)
class _Import:
    """The work on one archive that is open."""

    db: Database
    settings: Settings
    held: HeldImport
    archive: zipfile.ZipFile
    sign: Callable[[], None]
    _renewed: float = field(default_factory=time.monotonic, init=False)
    _numbers: dict[str, int] = field(default_factory=dict, init=False)

    def to_end(self) -> str:
        """Stage everything, then show it; return the patient's id."""
        tables = self._read()
        patient_id = str(tables[Patient.__tablename__][0]["id"])
        with self.db.read() as session:
            # Before the files: those of a patient who is here lie here too.
            _refuse_known(session, self.settings, patient_id)
        sources = [source for job in tables[Job.__tablename__] for source in job["sources"]]
        if any(uploads.stored(self.settings, [source["id"]]) for source in sources):
            # A file of another patient could be looked at through this one, and would go with it.
            raise ValueError("a file that is there already")
        media = [one.file_size for one in self.archive.infolist() if one.filename.startswith(MEDIA_FOLDER)]
        if media:
            uploads.check_quota(self.db, self.settings, sum(media))
        self._stage(patient_id, tables)
        self._store_files(tables[Job.__tablename__])
        own = {row["id"] for row in tables[Recording.__tablename__]}
        for rows, share in read_samples(self.archive, own, ROWS_AT_ONCE):
            self._step()
            with writing(self.db, self.held, share=share) as session:
                session.execute(insert(SAMPLES), rows)
            uploads.check_room(self.settings, 0, len(rows) * SAMPLE_BYTES)
        self._show(patient_id)
        return patient_id

    def _step(self) -> None:
        """Report progress, and renew the lease. Raises Cancelled, StoppedError, LeaseLostError."""
        self.sign()
        if time.monotonic() - self._renewed > RENEW_EVERY_S:
            with writing(self.db, self.held):
                self._renewed = time.monotonic()

    def _read(self) -> Tables:
        """Return the rows of the JSON, typed and checked."""
        known = {table.name: table for table in patient_tables() if table is not SAMPLES}
        tables: Tables = {name: [] for name in known}
        for name, row in read_tables(self.archive, set(known)):
            self._step()
            kept = import_checks.typed(known[name], row)
            for left_out in (*DERIVED, *OF_THIS_JOB) if name == Job.__tablename__ else DERIVED:
                kept.pop(left_out, None)
            tables[name].append(kept)
        import_checks.check(known, tables)
        with self.db.read() as session:
            recorders.make_strangers(session, tables)
        return tables

    def _stage(self, patient_id: str, tables: Tables) -> None:
        """Write all rows but the samples; the patient, marked as staged, comes first."""
        for table in patient_tables():
            if table is SAMPLES:
                continue
            rows = _in_order(table, tables[table.name])
            for begin in range(0, len(rows), LARGE_ROWS_AT_ONCE):
                self._step()
                with writing(self.db, self.held) as session:
                    if table.name == Patient.__tablename__:
                        _refuse_known(session, self.settings, patient_id)
                    session.execute(
                        insert(table), self._numbered(session, table, rows[begin : begin + LARGE_ROWS_AT_ONCE])
                    )
                    mine = update(PatientImport).where(PatientImport.id == self.held.id)
                    session.execute(mine.values(patient_id=patient_id))

    def _numbered(self, session: Session, table: Table, rows: list[Row]) -> list[Row]:
        """Return the rows with numbers behind this installation's, in the order of `_in_order`."""
        if "number" not in table.columns:
            return rows
        if table.name not in self._numbers:
            self._numbers[table.name] = session.scalar(select(func.max(table.c.number))) or 0
        return [{**row, "number": self._numbers[table.name] + row["number"]} for row in rows]

    def _store_files(self, jobs: list[Row]) -> None:
        """Seal and inspect the archive's media again."""
        expected = {source["id"]: source for job in jobs for source in job["sources"]}
        for name in self.archive.namelist():
            if not name.startswith(MEDIA_FOLDER):
                continue
            source = expected.pop(name.removeprefix(MEDIA_FOLDER))
            with self.archive.open(name) as content:
                watched: Any = _Watched(content.read, self._step)
                made = uploads.take_in(self.settings, watched, source["name"], source["id"])
            if made.sha256 != source["sha256"]:
                raise ValueError("another file")
            # Its media type comes from its content, not from the archive.
            self._describe(jobs, made.id, {"media_type": made.media_type, "begins_s": made.begins_s})

    def _describe(self, jobs: list[Row], upload_id: str, described: Row) -> None:
        for job in jobs:
            if any(source["id"] == upload_id for source in job["sources"]):
                job["sources"] = [one | (described if one["id"] == upload_id else {}) for one in job["sources"]]
                with writing(self.db, self.held) as session:
                    session.execute(update(JOBS).where(JOBS.c.id == job["id"]).values(sources=job["sources"]))

    def _show(self, patient_id: str) -> None:
        """Put the patient on the caseload of the user who asked for it, if that user may still have it."""
        with writing(self.db, self.held, share=1.0) as session:
            asked = self.held.account_id
            account = access.writer(session, asked) if asked else accounts.oldest_administrator(session)
            if account is not None:
                accounts.grant(session, account.id, patient_id)
            audit.write(session, AuditAction.PATIENT_IMPORTED, asked, patient_id)
            import_queue.end(session, self.held, JobState.DONE)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A stream that reports progress at each piece."""

    _read: Callable[[int], bytes]
    _step: Callable[[], None]

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        self._step()
        return self._read(size)


def _refuse_known(session: Session, settings: Settings, patient_id: str) -> None:
    if session.get(Patient, patient_id) is not None:
        sentence = "This patient already exists, or is being imported. Nothing was added."
        raise FerError(sentence, "patient_exists")
    if patient_id in {erasure.erased_id for erasure in erasures.known(settings.erasures_path)}:
        raise FerError("This patient was erased here, so the export can't be imported.", "patient_erased")


def _in_order(table: Table, rows: list[Row]) -> list[Row]:
    """Return the rows as they can be written, a recording's first version before the others, which refer to it.

    `number` becomes the place in the order in which they were written elsewhere, from 1.
    """
    if "number" not in table.columns:
        return rows
    instant = "recorded_at" if "recorded_at" in table.columns else "created_at"
    # Exports of before rows were numbered say no more than when it was.
    ordered = sorted(rows, key=lambda row: (row.get("number", 0), row[instant], row["id"]))
    placed = [{**row, "number": place} for place, row in enumerate(ordered, 1)]
    return sorted(placed, key=lambda row: row.get("version_of") is not None)
