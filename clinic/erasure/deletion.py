"""Permanent deletion of recordings and patients: files, rows, and a receipt that outlives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from backup import erasures
from backup.erasures import Erasure
from clinic import access, audit
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError, need_unchanged, shown_as
from clinic.exchange import downloads
from clinic.jobs import control
from clinic.patients import digests
from clinic.recordings import uploads
from clinic.settings import Settings
from clinic.training_queue import uses
from db.engine import Database
from db.models import (
    ImportedSeries,
    Job,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    Recording,
    RecordingMark,
    Sample,
)

Receipt = Erasure
"""The receipt of an erasure: a random id, the time, what was deleted with it, and no name."""


@dataclass(frozen=True, slots=True)
class HeldCounts:
    """Counts of what is deleted with a patient or recording, by plural name; `of`: which ones (clinic/conflicts.py)."""

    counts: Mapping[str, int]
    of: str


def held_by_patient(db: Database, actor: Actor, patient_id: str) -> HeldCounts:
    """Return what is deleted with a patient. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        return _held(session, patient_id)


def held_by_recording(db: Database, actor: Actor, recording_id: str) -> HeldCounts:
    """Return what is deleted with a recording. Raises Forbidden, FerError ``unknown_recording``."""
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.require_writer_of(session, actor, recording.patient_id)
        return _held_with(session, recording.version_of or recording_id)


def delete_recording(
    db: Database,
    settings: Settings,
    actor: Actor,
    recording_id: str,
    seen: int | None = None,
    seen_counts: HeldCounts | None = None,
) -> Receipt:
    """Delete a recording in all its versions with everything that was made of it; return the receipt.

    No byte of it stays in the files of a SQLite database. `seen`: the revision that was on the screen; `seen_counts`:
    what it said would be deleted; each None without a screen. Raises Forbidden, ConflictError, FerError
    ``unknown_recording``.
    """
    # The write lock is held: nothing changes between this check and the entry in the list of erasures.
    with db.session() as session:
        recording = access.recording_of(session, recording_id)
        account = access.require_writer_of(session, actor, recording.patient_id)
        first = recording.version_of or recording_id
        need_unchanged("this recording", seen, recording.revision)
        _need_unchanged_counts("what was made of this recording", seen_counts, _held_with(session, first))
        receipt = _remember(session, settings, "recording", first)
    _erase(db, settings, receipt, account.id)
    return receipt


def delete_patient(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str,
    seen: int | None = None,
    seen_counts: HeldCounts | None = None,
) -> Receipt:
    """Delete a patient with all recordings, so that no byte of them stays in the files of a SQLite database.

    `seen` and `seen_counts` as in `delete_recording`. Return the receipt, which has no name.
    Raises Forbidden, ConflictError, FerError ``unknown_patient``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        need_unchanged("this patient", seen, session.get_one(Patient, patient_id).revision)
        _need_unchanged_counts("what is stored of this patient", seen_counts, _held(session, patient_id))
        receipt = _remember(session, settings, "patient", patient_id)
    _erase(db, settings, receipt, account.id)
    return receipt


def _held(session: Session, patient_id: str) -> HeldCounts:
    of_patient = {
        "recordings": select(Recording.id).where(Recording.patient_id == patient_id, Recording.current),
        "marks": select(RecordingMark.id).join(Recording).where(Recording.patient_id == patient_id),
        "questionnaires": select(QuestionnaireAnswer.id).where(QuestionnaireAnswer.patient_id == patient_id),
        "events": select(PatientEvent.id).where(PatientEvent.patient_id == patient_id),
        "tables of other programs": select(ImportedSeries.id).where(ImportedSeries.patient_id == patient_id),
    }
    return _counted(session, of_patient)


def _held_with(session: Session, first: str) -> HeldCounts:
    return _counted(
        session,
        {
            "versions": select(Recording.id).where(or_(Recording.id == first, Recording.version_of == first)),
            "marks": select(RecordingMark.id).where(RecordingMark.recording_id == first),
        },
    )


def _counted(session: Session, asked: Mapping[str, Select[str]]) -> HeldCounts:
    found = {name: list(session.scalars(query)) for name, query in asked.items()}
    return HeldCounts({name: len(ids) for name, ids in found.items()}, shown_as(*found.values()))


def _need_unchanged_counts(what: str, seen_counts: HeldCounts | None, held: HeldCounts) -> None:
    """Refuse if something was added or removed since the screen was drawn. Raises ConflictError."""
    if seen_counts is not None and seen_counts != held:
        raise ConflictError(what, frozenset())


def erase(db: Database, settings: Settings, kind: erasures.Kind, erased_id: str, account_id: str | None) -> Receipt:
    """Erase for a user who was checked before, or because it is old (`account_id` None); return the receipt.

    A recording goes with its versions: `erased_id` names the first.
    """
    with db.session() as session:
        receipt = _remember(session, settings, kind, erased_id)
    _erase(db, settings, receipt, account_id)
    return receipt


def _remember(session: Session, settings: Settings, kind: erasures.Kind, erased_id: str) -> Receipt:
    """Count what will be deleted, and store it."""
    receipt = _receipt(session, settings, kind, erased_id)
    # Before anything is deleted: so a backup doesn't bring it back, and a power cut doesn't leave half of it.
    erasures.remember(settings.erasures_path, receipt)
    return receipt


def finish_erasures(db: Database, settings: Settings) -> int:
    """Complete erasures that the program's end interrupted; return how many.

    `clinic.erasure.withdrawal` does the same for withdrawn consents.
    """
    tables = {"patient": Patient, "recording": Recording}
    with db.read() as session:
        known = erasures.known(settings.erasures_path)
        erased = [erasure for erasure in known if erasure.kind in tables]
        left = [erasure for erasure in erased if session.get(tables[erasure.kind], erasure.erased_id) is not None]
    for erasure in left:
        _erase(db, settings, erasure, None)
    answers = [erasure.erased_id for erasure in known if erasure.kind == "questionnaire_answer"]
    return len(left) + _erase_answers(db, answers)


def _erase_answers(db: Database, erased: list[str]) -> int:
    """Delete the questionnaires of these ids that are still there; return how many."""
    with db.read() as session:
        there = [answer_id for answer_id in erased if session.get(QuestionnaireAnswer, answer_id) is not None]
    if there:
        with db.session() as session:
            for answer_id in there:
                session.delete(session.get_one(QuestionnaireAnswer, answer_id))
        db.forget_deleted()
    return len(there)


def _erase(db: Database, settings: Settings, erasure: Erasure, account_id: str | None) -> None:
    """Delete files first, then rows: what is left after a power cut is found again by its rows."""
    with db.read() as session:
        recordings = _recordings_of(session, erasure)
        patients = session.scalars(select(Recording.patient_id).where(Recording.id.in_(recordings)).distinct()).all()
    for patient_id in {*patients, *([erasure.erased_id] if erasure.kind == "patient" else [])}:
        # Pictures of the face may have been cut out of these recordings.
        uses.end_of_patient(db, settings, patient_id)
    for recording_id in recordings:
        control.delete_files(db, settings, recording_id)
    # Prepared downloads don't show whose they are, so all have to be prepared again.
    downloads.sweep(settings, everything=True)
    with db.session() as session:
        # What was uploaded meanwhile is deleted too: its patient is listed as erased.
        for recording_id in set(_recordings_of(session, erasure)) - set(recordings):
            control.delete_files(db, settings, recording_id)
        if erasure.kind == "patient":
            patient = session.get(Patient, erasure.erased_id)
            if patient is not None:
                session.delete(patient)
                audit.write(session, AuditAction.PATIENT_DELETED, account_id, patient.id, recordings=len(recordings))
        else:
            recording = session.get(Recording, erasure.erased_id)
            if recording is not None:
                # The database deletes the other versions with the first.
                session.delete(recording)
                digests.forget(session, recording.patient_id)
                audit.write(session, AuditAction.RECORDING_DELETED, account_id, recording.patient_id, recording.id)
    # What was being written of these rows meanwhile goes too.
    downloads.sweep(settings, everything=True)
    db.forget_deleted()


def _receipt(session: Session, settings: Settings, kind: erasures.Kind, erased_id: str) -> Receipt:
    recordings = _recordings_of(session, Erasure(kind, erased_id, {}))
    samples = session.scalar(select(func.count()).select_from(Sample).where(Sample.recording_id.in_(recordings)))
    sources = session.scalars(select(Job.sources).where(Job.recording_id.in_(recordings))).all()
    # Versions share their files.
    files = {source["id"] for of_job in sources for source in of_job}
    held = sum(uploads.stored(settings, [file]) for file in files)
    counts = {"patients": int(kind == "patient"), "recordings": len(recordings), "samples": samples or 0, "files": held}
    if kind == "patient":
        answered = session.scalar(select(func.count()).where(QuestionnaireAnswer.patient_id == erased_id)) or 0
        counts |= {"questionnaires": answered} if answered else {}
    return Erasure(kind, erased_id, counts)


def _recordings_of(session: Session, erasure: Erasure) -> list[str]:
    """Return the recordings to delete, each with its versions."""
    if erasure.kind == "patient":
        return list(session.scalars(select(Recording.id).where(Recording.patient_id == erasure.erased_id)))
    first = erasure.erased_id
    return [first, *session.scalars(select(Recording.id).where(Recording.version_of == first))]
