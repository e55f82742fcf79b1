"""Deletion of recordings and patients for good: files, rows, and a receipt that outlives them."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backup import erasures
from backup.erasures import Erasure
from clinic import access, audit
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError, need_unchanged
from clinic.exchange import downloads
from clinic.jobs import jobs
from clinic.patients import digests
from clinic.recordings import uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, Patient, QuestionnaireAnswer, Recording, Sample

Receipt = Erasure
"""What is given to who had something erased: a random id, the time, what went with it, and no name."""


def delete_recording(
    db: Database, settings: Settings, actor: Actor, recording_id: str, seen: int | None = None
) -> Receipt:
    """Delete a recording in all its versions with everything that was made of it; return the receipt.

    No byte of it stays in the files of a SQLite database. `seen`: the revision that was on the screen, None where
    there was none. Raises Forbidden, ConflictError, FerError ``unknown_recording``.
    """
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        account = access.require_writer_of(session, actor, recording.patient_id)
        need_unchanged("this recording", seen, recording.revision)
        first = recording.version_of or recording_id
    return erase(db, settings, "recording", first, account.id)


def delete_patient(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str,
    seen: int | None = None,
    recordings: int | None = None,
) -> Receipt:
    """Delete a patient with all recordings, so that no byte of them stays in the files of a SQLite database.

    `seen` and `recordings`: the patient's revision and number of recordings that were on the screen, None where there
    was none. Return the receipt, which has no name. Raises Forbidden, ConflictError, FerError ``unknown_patient``.
    """
    with db.read() as session:
        account = access.require_writer_of(session, actor, patient_id)
        revision = session.get_one(Patient, patient_id).revision
        need_unchanged("this patient", seen, revision)
        shown = select(func.count()).where(Recording.patient_id == patient_id, Recording.current)
        if recordings is not None and session.scalar(shown) != recordings:
            raise ConflictError("this patient's recordings", revision)
    return erase(db, settings, "patient", patient_id, account.id)


def erase(db: Database, settings: Settings, kind: erasures.Kind, erased_id: str, account_id: str | None) -> Receipt:
    """Erase for whoever was allowed to before, or because it is old (`account_id` None); return the receipt.

    A recording goes with its versions: `erased_id` names the first.
    """
    receipt = _receipt(db, settings, kind, erased_id)
    # Before anything is deleted: so a backup doesn't bring it back, and a power cut doesn't leave half of it.
    erasures.remember(settings.erasures_path, receipt)
    _erase(db, settings, receipt, account_id)
    return receipt


def finish_erasures(db: Database, settings: Settings) -> int:
    """Erase what is remembered as erased and still there, for the program was ended meanwhile; return how much.

    Consents that are remembered as withdrawn are left to `clinic.withdrawal`.
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
    for recording_id in recordings:
        jobs.delete_files(db, settings, recording_id)
    # Archives that wait to be fetched: whose they are is not known from outside, so all have to be prepared again.
    downloads.sweep(settings, everything=True)
    with db.session() as session:
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
    db.forget_deleted()


def _receipt(db: Database, settings: Settings, kind: erasures.Kind, erased_id: str) -> Receipt:
    """Count what will go."""
    with db.read() as session:
        recordings = _recordings_of(session, Erasure(kind, erased_id, {}))
        samples = session.scalar(select(func.count()).select_from(Sample).where(Sample.recording_id.in_(recordings)))
        sources = session.scalars(select(Job.sources).where(Job.recording_id.in_(recordings))).all()
    # Versions share their files.
    files = {source["id"] for of_job in sources for source in of_job}
    held = sum(uploads.stored(settings, [file]) for file in files)
    counts = {"patients": int(kind == "patient"), "recordings": len(recordings), "samples": samples or 0, "files": held}
    if kind == "patient":
        with db.read() as session:
            asked = select(func.count()).where(QuestionnaireAnswer.patient_id == erased_id)
            answered = session.scalar(asked) or 0
        counts |= {"questionnaires": answered} if answered else {}
    return Erasure(kind, erased_id, counts)


def _recordings_of(session: Session, erasure: Erasure) -> list[str]:
    """Return the recordings that go, each with its versions."""
    if erasure.kind == "patient":
        return list(session.scalars(select(Recording.id).where(Recording.patient_id == erasure.erased_id)))
    first = erasure.erased_id
    return [first, *session.scalars(select(Recording.id).where(Recording.version_of == first))]
