"""Patients and their recordings as the pages see them."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic import downloads, jobs, uploads
from clinic.settings import Settings
from clinic.trends import Summary, Trend, trend
from db import erasures
from db.engine import Database
from db.erasures import Erasure
from db.models import Job, JobState, Patient, Recording, Sample
from db.records import SampleTable, load_samples
from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError

NAME_MAX, NOTE_MAX = 200, 2000

Receipt = Erasure
"""What is given to who had something erased: a random id, the time, what went with it, and no name."""


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """A patient's line in the caseload.

    `shares`: of each analysed recording in the order of time, shares 0 to 1 in `Emotion` order, None where the
    recording doesn't count (too little usable face). `last_recorded_on` and `last_usable_share` are the newest's.
    """

    id: str
    name: str
    note: str
    demo: bool
    recordings: int
    last_recorded_on: date | None
    last_usable_share: float | None
    shares: tuple[tuple[float, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A recording with the state of its analysis; everything of the summary is None until there is one.

    `hollow`: why it doesn't count in the trend. `every_s`: seconds between samples, None for pictures.
    `face_choice`: how the patient's face was told from others, see `clinic.tracks.keep`.
    """

    id: str
    patient_id: str
    kind: str
    recorded_on: date
    note: str
    source_name: str
    state: JobState | None
    duration_s: float | None
    every_s: float | None
    samples: int | None
    usable_share: float | None
    usable_s: float | None
    longest_gap_s: float | None
    reasons: dict[str, float]
    shares: dict[str, float] | None
    hollow: str | None
    model_sha256: str | None
    device: str
    damaged_frames: int
    partial: bool
    face_choice: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PatientDetail:
    """A patient with all recordings, newest first, and their trend."""

    id: str
    name: str
    note: str
    demo: bool
    recordings: tuple[RecordingRow, ...]
    trend: Trend


def add_patient(db: Database, name: str, note: str = "", demo: bool = False) -> str:
    """Add a patient and return the id. Raises FerError ``bad_name``, ``bad_note``."""
    patient = Patient(name=valid_name(name), note=valid_note(note), demo=demo, created_at=datetime.now(UTC))
    with db.session() as session:
        session.add(patient)
    return patient.id


def rename_patient(db: Database, patient_id: str, name: str, note: str) -> None:
    """Change name and note. Raises FerError ``bad_name``, ``bad_note``, ``unknown_patient``."""
    with db.session() as session:
        patient = _patient(session, patient_id)
        patient.name, patient.note = valid_name(name), valid_note(note)


def list_patients(db: Database, search: str = "") -> list[PatientSummary]:
    """Return the patients whose name or note holds `search` as it is written, in the order of their names.

    Upper and lower case are one, in every script. Two queries, however many patients there are.
    """
    wanted = _folded(search.strip())
    columns = (Recording.patient_id, Recording.recorded_on, Recording.summary)
    with db.read() as session:
        # Here and not in SQL: SQLite's lower() and LIKE know ASCII alone, and "MÜLLER" would not find "Müller".
        patients = [
            p for p in session.scalars(select(Patient)) if wanted in _folded(p.name) or wanted in _folded(p.note)
        ]
        by_patient: dict[str, list[tuple[date, Any]]] = defaultdict(list)
        for patient_id, recorded_on, summary in session.execute(
            select(*columns).order_by(Recording.recorded_on, Recording.created_at)
        ):
            by_patient[patient_id].append((recorded_on, summary))
    patients.sort(key=lambda patient: (_without_marks(patient.name), patient.created_at))
    return [_summary_of(patient, by_patient[patient.id]) for patient in patients]


def get_patient(db: Database, patient_id: str) -> PatientDetail:
    """Return a patient. Raises FerError ``unknown_patient``."""
    with db.read() as session:
        patient = _patient(session, patient_id)
        rows = session.execute(
            select(Recording, Job.state)
            .outerjoin(Job, Job.recording_id == Recording.id)
            .where(Recording.patient_id == patient_id)
            .order_by(Recording.recorded_on.desc(), Recording.created_at.desc())
        ).all()
        return PatientDetail(
            id=patient.id,
            name=patient.name,
            note=patient.note,
            demo=patient.demo,
            recordings=tuple(_row(recording, state) for recording, state in rows),
            trend=trend([recording for recording, _ in rows]),
        )


def get_recording(db: Database, recording_id: str) -> RecordingRow:
    """Return a recording. Raises FerError ``unknown_recording``."""
    with db.read() as session:
        recording = _recording(session, recording_id)
        return _row(recording, session.scalar(select(Job.state).where(Job.recording_id == recording_id)))


def samples(db: Database, recording_id: str) -> SampleTable:
    """Return the samples of a recording in the order of time."""
    with db.read() as session:
        return load_samples(session, recording_id)


def note_recording(db: Database, recording_id: str, note: str) -> None:
    """Change a recording's note. Raises FerError ``bad_note``, ``unknown_recording``."""
    with db.session() as session:
        _recording(session, recording_id).note = valid_note(note)


def delete_recording(db: Database, settings: Settings, recording_id: str) -> Receipt:
    """Delete a recording with everything that was made of it, so that no byte of it stays; return the receipt."""
    with db.read() as session:
        _recording(session, recording_id)
    receipt = _receipt(db, settings, "recording", recording_id, [recording_id])
    erasures.remember(settings.erasures_path, receipt)
    _erase(db, settings, receipt)
    return receipt


def delete_patient(db: Database, settings: Settings, patient_id: str) -> Receipt:
    """Delete a patient with all recordings, so that no byte of them stays; return the receipt, which has no name."""
    with db.read() as session:
        _patient(session, patient_id)
        recordings = _recordings_of(session, patient_id)
    receipt = _receipt(db, settings, "patient", patient_id, recordings)
    # Before anything is deleted: so a backup doesn't bring it back, and a power cut doesn't leave half of it.
    erasures.remember(settings.erasures_path, receipt)
    _erase(db, settings, receipt)
    return receipt


def finish_erasures(db: Database, settings: Settings) -> int:
    """Erase what is remembered as erased and still there, for the program was ended meanwhile; return how much."""
    tables = {"patient": Patient, "recording": Recording}
    with db.read() as session:
        known = erasures.known(settings.erasures_path)
        left = [erasure for erasure in known if session.get(tables[erasure.kind], erasure.erased_id) is not None]
    for erasure in left:
        _erase(db, settings, erasure)
    return len(left)


def _erase(db: Database, settings: Settings, erasure: Erasure) -> None:
    """Delete files first, then rows: what is left after a power cut is found again by its rows."""
    patient = erasure.kind == "patient"
    with db.read() as session:
        recordings = _recordings_of(session, erasure.erased_id) if patient else [erasure.erased_id]
    for recording_id in recordings:
        jobs.delete_files(db, settings, recording_id)
    # Archives that wait to be fetched: whose they are is not known from outside, so all have to be prepared again.
    downloads.sweep(settings, older_than_s=-60)
    with db.session() as session:
        row = session.get(Patient if patient else Recording, erasure.erased_id)
        if row is not None:
            session.delete(row)
    db.forget_deleted()


def _receipt(db: Database, settings: Settings, kind: erasures.Kind, erased_id: str, recordings: list[str]) -> Receipt:
    """Count what will go."""
    with db.read() as session:
        samples = session.scalar(select(func.count()).select_from(Sample).where(Sample.recording_id.in_(recordings)))
        sources = session.scalars(select(Job.sources).where(Job.recording_id.in_(recordings))).all()
    held = sum(uploads.stored(settings, [source["id"]]) for of_job in sources for source in of_job)
    counts = {"patients": int(kind == "patient"), "recordings": len(recordings), "samples": samples or 0, "files": held}
    return Erasure(kind, erased_id, counts)


def _recordings_of(session: Session, patient_id: str) -> list[str]:
    return list(session.scalars(select(Recording.id).where(Recording.patient_id == patient_id)))


def _patient(session: Session, patient_id: str) -> Patient:
    patient = session.get(Patient, patient_id)
    if patient is None:
        raise FerError("This patient is no longer in the list.", "unknown_patient")
    return patient


def _recording(session: Session, recording_id: str) -> Recording:
    recording = session.get(Recording, recording_id)
    if recording is None:
        raise FerError("This recording is no longer there.", "unknown_recording")
    return recording


def valid_name(name: str) -> str:
    """Return a name as it is kept. Raises FerError ``bad_name`` for one with something hidden in it."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= NAME_MAX or _hidden(name):
        raise FerError(f"Please give a name or code of 1 to {NAME_MAX} characters, on one line.", "bad_name")
    return name


def valid_note(note: str) -> str:
    """Return a note as it is kept. Raises FerError ``bad_note``."""
    note = unicodedata.normalize("NFC", note).strip()
    if len(note) > NOTE_MAX or _hidden(note.replace("\n", "").replace("\t", "")):
        raise FerError(f"Please keep the note under {NOTE_MAX} characters of plain text.", "bad_note")
    return note


def _folded(text: str) -> str:
    """Return the text as it is compared: composed characters, without case."""
    return unicodedata.normalize("NFC", text).casefold()


def _without_marks(text: str) -> str:
    """Return the text as it is sorted: Ö stands with O and not behind Z."""
    return "".join(c for c in unicodedata.normalize("NFD", _folded(text)) if not unicodedata.combining(c))


def _hidden(value: str) -> bool:
    """Return whether control characters or marks that turn the writing direction are in a text."""
    turning = {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
    return any(unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in turning for c in value)


def _summary_of(patient: Patient, recordings: list[tuple[date, Any]]) -> PatientSummary:
    summaries = [Summary.from_dict(values) if values is not None else None for _, values in recordings]
    last = summaries[-1] if summaries else None
    return PatientSummary(
        id=patient.id,
        name=patient.name,
        note=patient.note,
        demo=patient.demo,
        recordings=len(recordings),
        last_recorded_on=recordings[-1][0] if recordings else None,
        last_usable_share=last.usable_share if last is not None else None,
        shares=tuple(_counting(summary) for summary in summaries if summary is not None),
    )


def _counting(summary: Summary) -> tuple[float, ...] | None:
    """Return the shares in `Emotion` order, None where the recording doesn't count."""
    if summary.hollow is not None or summary.shares is None:
        return None
    return tuple(summary.shares[label] for label in EMOTION_LABELS)


def _row(recording: Recording, state: str | None) -> RecordingRow:
    summary = Summary.from_dict(recording.summary) if recording.summary is not None else None
    return RecordingRow(
        id=recording.id,
        patient_id=recording.patient_id,
        kind=recording.kind,
        recorded_on=recording.recorded_on,
        note=recording.note,
        source_name=recording.source_name,
        state=JobState(state) if state is not None else None,
        duration_s=recording.duration_s if recording.kind == "video" else None,
        every_s=recording.settings.get("every_s"),
        samples=summary.samples if summary else None,
        usable_share=summary.usable_share if summary else None,
        usable_s=summary.usable_s if summary else None,
        longest_gap_s=summary.longest_gap_s if summary else None,
        reasons=dict(summary.reasons) if summary else {},
        shares=summary.shares if summary else None,
        hollow=summary.hollow if summary else None,
        model_sha256=recording.model_sha256,
        device=recording.device,
        damaged_frames=recording.damaged_frames,
        partial=recording.partial,
        face_choice=recording.settings.get("face_choice", {}),
    )
