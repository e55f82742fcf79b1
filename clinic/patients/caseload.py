"""Patients and their recordings as the pages see them: those of the acting user's own caseload."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select

from clinic import access, audit, clock, texts
from clinic.access import Actor, Role
from clinic.accounts.accounts import grant
from clinic.audit import Deed
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients.trends import Summary, Trend, trend
from db.engine import Database
from db.folding import fold
from db.models import Access, Job, JobState, Patient, Recording
from db.records import SampleTable, load_samples
from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError

NAME_MAX, NOTE_MAX = 200, 2000
NOT_OVER = (JobState.QUEUED.value, JobState.RUNNING.value, JobState.CHOOSING.value)
"""States of an analysis in which the stored samples are not the patient's alone."""


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """A patient's line in the caseload.

    `shares`: of each analysed recording in the order of time, shares 0 to 1 in `Emotion` order, None where the
    recording doesn't count (too little usable face). `last_recorded_on` and `last_usable_share` are the newest's. Where
    the consent to keep the results doesn't stand (`closed`), nothing of them is told.
    `emergency_until`: when the view ends, None where the patient is on the own caseload.
    """

    id: str
    name: str
    note: str
    demo: bool
    recordings: int
    last_recorded_on: date | None
    last_usable_share: float | None
    shares: tuple[tuple[float, ...] | None, ...]
    closed: bool
    emergency_until: datetime | None


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A recording with the state of its analysis; everything of the summary is None until there is one.

    And where the patient's consent to keep the results doesn't stand.

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
    analysed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PatientDetail:
    """A patient with all recordings in their current version, newest first, and their trend.

    `emergency_until`: when the view ends, None where the patient is on the own caseload. `writable`: whether the
    acting user may change anything. `closed`: why no results are told, None where the consent to keep them stands.
    """

    id: str
    name: str
    note: str
    demo: bool
    recordings: tuple[RecordingRow, ...]
    trend: Trend
    emergency_until: datetime | None
    writable: bool
    closed: str | None


def add_patient(db: Database, actor: Actor, name: str, note: str = "", demo: bool = False) -> str:
    """Add a patient to the own caseload and return the id. Raises Forbidden, FerError ``bad_name``, ``bad_note``."""
    patient = Patient(name=valid_name(name), note=valid_note(note), demo=demo, created_at=clock.now())
    with db.session() as session:
        account = access.writer(session, actor)
        session.add(patient)
        session.flush()
        grant(session, account.id, patient.id)
        audit.write(session, Deed.PATIENT_ADDED, account.id, patient.id)
    return patient.id


def rename_patient(db: Database, actor: Actor, patient_id: str, name: str, note: str) -> None:
    """Change name and note. Raises Forbidden, FerError ``bad_name``, ``bad_note``, ``unknown_patient``."""
    with db.session() as session:
        account = access.writer_of(session, actor, patient_id)
        patient = session.get_one(Patient, patient_id)
        patient.name, patient.note = valid_name(name), valid_note(note)
        audit.write(session, Deed.PATIENT_CHANGED, account.id, patient_id)


def list_patients(db: Database, actor: Actor, search: str = "") -> list[PatientSummary]:
    """Return the patients whose name or note holds `search` as it is written, in the order of their names.

    Upper and lower case are one, in every script, and accents make no difference. A few queries, however many
    patients there are.
    Raises Forbidden ``signed_out``.
    """
    wanted = fold(search)[:NOTE_MAX]
    with db.read() as session:
        account = access.acting(session, actor)
        seen = access.visible(account)
        listed = session.execute(
            select(Patient, Access.until, Patient.id.in_(consent.covered(session, Scope.KEEP_RESULTS)))
            .join(Access, Access.patient_id == Patient.id)
            .where(Access.account_id == account.id, Patient.id.in_(seen))
            .where(Patient.search_key.contains(wanted, autoescape=True))
        )
        patients = list(listed)
        by_patient: dict[str, list[tuple[date, Any]]] = defaultdict(list)
        for patient_id, recorded_on, summary in session.execute(
            select(Recording.patient_id, Recording.recorded_on, Recording.summary)
            .where(Recording.patient_id.in_(seen), Recording.current)
            .order_by(Recording.recorded_on, Recording.number)
        ):
            by_patient[patient_id].append((recorded_on, summary))
    # Ö stands with O and not behind Z, whatever order the database has.
    patients.sort(key=lambda found: (fold(found[0].name), found[0].name, found[0].number))
    return [_summary_of(one, until, by_patient[one.id], closed=not opened) for one, until, opened in patients]


def get_patient(db: Database, actor: Actor, patient_id: str) -> PatientDetail:
    """Return a patient; the view is written down. Raises Forbidden, FerError ``unknown_patient``."""
    access.note_view(db, actor, patient_id)
    with db.read() as session:
        account = access.reader_of(session, actor, patient_id)
        until = session.get_one(Access, (account.id, patient_id)).until
        patient = session.get_one(Patient, patient_id)
        rows = session.execute(
            select(Recording, Job.state)
            .outerjoin(Job, Job.recording_id == Recording.id)
            .where(Recording.patient_id == patient_id, Recording.current)
            .order_by(Recording.recorded_on.desc(), Recording.number.desc())
        ).all()
        refusal = consent.missing(session, patient_id, Scope.KEEP_RESULTS)
        return PatientDetail(
            id=patient.id,
            name=patient.name,
            note=patient.note,
            demo=patient.demo,
            recordings=tuple(_row(recording, state, closed=refusal is not None) for recording, state in rows),
            trend=trend([recording for recording, _ in rows] if refusal is None else []),
            emergency_until=until,
            writable=until is None and account.role != Role.VIEWER.value,
            closed=refusal.message if refusal is not None else None,
        )


def get_recording(db: Database, actor: Actor, recording_id: str) -> RecordingRow:
    """Return a recording; the view is written down. Raises Forbidden, FerError ``unknown_recording``."""
    _note_view_of(db, actor, recording_id)
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.reader_of(session, actor, recording.patient_id)
        closed = consent.missing(session, recording.patient_id, Scope.KEEP_RESULTS) is not None
        return _row(recording, session.scalar(select(Job.state).where(Job.recording_id == recording_id)), closed)


def versions(db: Database, actor: Actor, recording_id: str) -> list[RecordingRow]:
    """Return all results of the same visit, the current one first, then from the newest to the oldest.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``.
    """
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.reader_of(session, actor, recording.patient_id)
        consent.need(session, recording.patient_id, Scope.KEEP_RESULTS)
        visit_id = recording.version_of or recording.id
        found = session.scalars(
            select(Recording)
            .where(or_(Recording.id == visit_id, Recording.version_of == visit_id), Recording.summary.is_not(None))
            .order_by(Recording.current.desc(), Recording.number.desc())
        )
        return [_row(version, None, closed=False) for version in found]


def samples(db: Database, actor: Actor, recording_id: str) -> SampleTable:
    """Return the samples of the patient's face in a recording in the order of time.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``, ``analysis_under_way`` while the samples may be
    several people's.
    """
    _note_view_of(db, actor, recording_id)
    with db.read() as session:
        patient_id = access.recording_of(session, recording_id).patient_id
        access.reader_of(session, actor, patient_id)
        consent.need(session, patient_id, Scope.KEEP_RESULTS)
        state = session.scalar(select(Job.state).where(Job.recording_id == recording_id))
        if state in NOT_OVER:
            raise FerError("The analysis of this recording is not over yet.", "analysis_under_way")
        return load_samples(session, recording_id)


def note_recording(db: Database, actor: Actor, recording_id: str, note: str) -> None:
    """Change a recording's note. Raises Forbidden, FerError ``bad_note``, ``unknown_recording``."""
    with db.session() as session:
        recording = access.recording_of(session, recording_id)
        account = access.writer_of(session, actor, recording.patient_id)
        recording.note = valid_note(note)
        audit.write(session, Deed.RECORDING_CHANGED, account.id, recording.patient_id, recording_id)


def _note_view_of(db: Database, actor: Actor, recording_id: str) -> None:
    with db.read() as session:
        patient_id = access.recording_of(session, recording_id).patient_id
    access.note_view(db, actor, patient_id)


def valid_name(name: str) -> str:
    """Return a name as it is kept. Raises FerError ``bad_name`` for one with something hidden in it."""
    try:
        name = texts.one_line(name)
    except ValueError:
        name = ""
    if not 1 <= len(name) <= NAME_MAX:
        raise FerError(f"Please give a name or code of 1 to {NAME_MAX} characters, on one line.", "bad_name")
    return name


def valid_note(note: str) -> str:
    """Return a note as it is kept. Raises FerError ``bad_note``."""
    refusal = FerError(f"Please keep the note under {NOTE_MAX} characters of plain text.", "bad_note")
    try:
        note = texts.lines(note)
    except ValueError:
        raise refusal from None
    if len(note) > NOTE_MAX:
        raise refusal
    return note


def _summary_of(
    patient: Patient, until: datetime | None, recordings: list[tuple[date, Any]], closed: bool
) -> PatientSummary:
    told = [None if closed else values for _, values in recordings]
    summaries = [Summary.from_dict(values) if values is not None else None for values in told]
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
        closed=closed,
        emergency_until=until,
    )


def _counting(summary: Summary) -> tuple[float, ...] | None:
    """Return the shares in `Emotion` order, None where the recording doesn't count."""
    if summary.hollow is not None or summary.shares is None:
        return None
    return tuple(summary.shares[label] for label in EMOTION_LABELS)


def _row(recording: Recording, state: str | None, closed: bool) -> RecordingRow:
    summary = Summary.from_dict(recording.summary) if recording.summary is not None and not closed else None
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
        analysed_at=recording.analysed_at,
    )
