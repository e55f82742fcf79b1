"""Patients and their recordings for the pages: those of the acting user's own caseload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import defer

from clinic import access, audit, clock
from clinic.access import Actor, Role
from clinic.accounts.accounts import grant
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients import conditions
from clinic.patients.doubts import doubted
from clinic.patients.fields import NOTE_MAX, PatientFields, valid_patient
from clinic.patients.states import UNDER_WAY, RecordingStanding, counted, standing_of
from clinic.patients.subject import Subject, subject_of
from clinic.patients.summaries import Summary, excluded, within
from clinic.patients.trends import UNDER_CONDITION, Trend, trend
from db.engine import Database
from db.folding import fold
from db.models import Access, Job, Patient, Recording, RecordingKind
from db.records import SampleTable, load_samples
from db.search import found_by
from fer_core.errors import FerError


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """A patient as a choice names one, with how many recordings there are and when the newest was made.

    `emergency_until`: when the view ends, None where the patient is on the own caseload.
    """

    id: str
    name: str
    code: str
    born_on: date | None
    demo: bool
    revision: int
    recordings: int
    last_recorded_on: date | None
    emergency_until: datetime | None


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A recording with the state of its analysis; everything of the summary is None until there is one.

    Also None without the patient's valid consent to keep the results.

    `visit_id`: the id of the visit's first version. `visit_number`: which of the patient's visits it is; no other visit
    ever has it. `shown`: of the versions of its visit, lists and trend have this one. `standing`: its state and what is
    said of it. `excluded`: why it doesn't count in the trend.
    `every_s`: seconds between samples, None for pictures. `model_sha256`: the model that made the results.
    `face_choice`: how the patient's face was distinguished from others, see `clinic.jobs.tracks.keep`.
    """

    id: str
    visit_id: str
    shown: bool
    patient_id: str
    visit_number: int
    kind: RecordingKind
    recorded_on: date
    recorded_time: time | None
    recorded_zone: str | None
    note: str
    revision: int
    source_name: str
    standing: RecordingStanding
    duration_s: float | None
    width_px: int | None
    every_s: float | None
    samples: int | None
    usable_share: float | None
    usable_s: float | None
    longest_gap_s: float | None
    reasons: dict[str, float]
    face_px: float | None
    sharpness: float | None
    brightness: float | None
    bits_per_pixel: float | None
    framing_kept: float | None
    framing_tried: int
    shares: dict[str, float] | None
    excluded: str | None
    model_sha256: str | None
    device: str
    damaged_frames: int
    partial: bool
    face_choice: dict[str, Any]
    analysed_at: datetime | None

    @property
    def counted(self) -> bool:
        """Whether it has a result or may still get one, as `states.counted` asks of the database."""
        return self.samples is not None or self.standing.under_way


@dataclass(frozen=True, slots=True)
class PatientDetail:
    """A patient with all recordings in their current version, newest first, and their trend.

    `emergency_until`: when the view ends, None where the patient is on the own caseload. `writable`: whether the
    acting user may change anything. `closed`: why no results are shown, None while the consent to keep them is valid.
    """

    id: str
    name: str
    code: str
    born_on: date | None
    note: str
    demo: bool
    revision: int
    consents_revision: int
    sharing_revision: int
    recordings: tuple[RecordingRow, ...]
    trend: Trend
    emergency_until: datetime | None
    writable: bool
    closed: str | None


def add_patient(
    db: Database,
    actor: Actor,
    name: str,
    note: str = "",
    demo: bool = False,
    code: str = "",
    born_on: date | None = None,
) -> str:
    """Add a patient to the own caseload and return the id.

    Raises Forbidden, FerError ``bad_name``, ``bad_note``, ``bad_code``, ``bad_birth``.
    """
    with db.session() as session:
        account = access.require_writer(session, actor)
        said = valid_patient(PatientFields(name, note, code, born_on), clock.latest_day(session))
        patient = Patient(
            name=said.name,
            note=said.note,
            code=said.code,
            born_on=said.born_on,
            demo=demo,
            created_at=clock.now(),
        )
        session.add(patient)
        session.flush()
        grant(session, account.id, patient.id)
        audit.write(session, AuditAction.PATIENT_ADDED, account.id, patient.id)
    return patient.id


def list_patients(db: Database, actor: Actor, search: str = "") -> list[PatientSummary]:
    """Return the patients whose name, code and note hold every word of `search`, in the order of their names.

    Words are compared as `db.search` does. Two queries, however many patients there are: this is for choices, and
    `clinic.patients.listing` for the caseload.
    Raises Forbidden ``signed_out``.
    """
    own = Recording.patient_id == Patient.id, Recording.current, counted()
    count = select(func.count(Recording.id)).where(*own).scalar_subquery()
    last = select(func.max(Recording.recorded_on)).where(*own).scalar_subquery()
    with db.read() as session:
        account = access.acting(session, actor)
        listed = session.execute(
            select(Patient, Access.until, count, last)
            .join(Access, Access.patient_id == Patient.id)
            .where(Access.account_id == account.id, Patient.id.in_(access.visible(account)))
            .where(found_by(Patient.search_key, search[:NOTE_MAX]))
        )
        # Ö stands with O and not behind Z, whatever order the database has.
        found = sorted(listed, key=lambda row: (fold(row[0].name), row[0].name, row[0].number))
        return [_summary_of(*row) for row in found]


def get_patient(db: Database, actor: Actor, patient_id: str) -> PatientDetail:
    """Return a patient; the view is logged. Raises Forbidden, FerError ``unknown_patient``."""
    access.note_view(db, actor, patient_id)
    with db.read() as session:
        account = access.require_reader_of(session, actor, patient_id)
        until = session.get_one(Access, (account.id, patient_id)).until
        patient = session.get_one(Patient, patient_id)
        rows = session.execute(
            select(Recording, Job, doubted())
            .options(defer(Job.cursor), defer(Job.sources))
            .outerjoin(Job, Job.recording_id == Recording.id)
            .where(Recording.patient_id == patient_id, Recording.current)
            .order_by(
                Recording.recorded_on.desc(), Recording.recorded_time.desc().nulls_first(), Recording.number.desc()
            )
        ).all()
        refusal = consent.missing(session, patient_id, Scope.KEEP_RESULTS)
        recordings = [recording for recording, *_ in rows]
        unread = conditions.unread_of(session, patient_id, recordings)
        return PatientDetail(
            id=patient.id,
            name=patient.name,
            code=patient.code,
            born_on=patient.born_on,
            note=patient.note,
            demo=patient.demo,
            revision=patient.revision,
            consents_revision=patient.consents_revision,
            sharing_revision=patient.sharing_revision,
            recordings=tuple(
                _row(recording, job, refusal is not None, recording.id in unread, again)
                for recording, job, again in rows
            ),
            trend=trend(
                recordings if refusal is None else [], unread, [recording.id for recording, _, again in rows if again]
            ),
            emergency_until=until,
            writable=until is None and account.role != Role.VIEWER,
            closed=refusal.message if refusal is not None else None,
        )


def subject(db: Database, actor: Actor, recording_id: str) -> Subject:
    """Return a recording's patient and its day. Raises Forbidden, FerError ``unknown_recording``."""
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.require_reader_of(session, actor, recording.patient_id)
        return subject_of(recording, session.get_one(Patient, recording.patient_id))


def get_recording(db: Database, actor: Actor, recording_id: str) -> RecordingRow:
    """Return a recording; the view is logged. Raises Forbidden, FerError ``unknown_recording``."""
    _note_view_of(db, actor, recording_id)
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.require_reader_of(session, actor, recording.patient_id)
        closed = consent.missing(session, recording.patient_id, Scope.KEEP_RESULTS) is not None
        unread = conditions.unread(session, recording.patient_id, recording.recorded_on)
        beside = select(Job, doubted()).select_from(Recording).outerjoin(Job, Job.recording_id == Recording.id)
        # It may be deleted at this moment.
        job, again = session.execute(beside.where(Recording.id == recording_id)).one_or_none() or (None, False)
        return _row(recording, job, closed, unread, again)


def versions(db: Database, actor: Actor, recording_id: str) -> list[RecordingRow]:
    """Return all results of the same visit, the current one first, then from the newest to the oldest.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``.
    """
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.require_reader_of(session, actor, recording.patient_id)
        consent.need(session, recording.patient_id, Scope.KEEP_RESULTS)
        visit_id = recording.version_of or recording.id
        unread = conditions.unread(session, recording.patient_id, recording.recorded_on)
        found = session.execute(
            select(Recording, doubted())
            .where(or_(Recording.id == visit_id, Recording.version_of == visit_id), Recording.summary.is_not(None))
            .order_by(Recording.current.desc(), Recording.number.desc())
        )
        return [_row(version, None, False, unread, again) for version, again in found]


def samples(db: Database, actor: Actor, recording_id: str) -> SampleTable:
    """Return the samples of the patient's face in a recording in the order of time.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``, ``analysis_under_way`` while the samples may be
    several people's.
    """
    _note_view_of(db, actor, recording_id)
    with db.read() as session:
        patient_id = access.recording_of(session, recording_id).patient_id
        access.require_reader_of(session, actor, patient_id)
        consent.need(session, patient_id, Scope.KEEP_RESULTS)
        state = session.scalar(select(Job.state).where(Job.recording_id == recording_id))
        # Until it is over, the stored samples may belong to several people.
        if state in UNDER_WAY:
            raise FerError("The analysis of this recording is still running.", "analysis_under_way")
        return load_samples(session, recording_id)


def _note_view_of(db: Database, actor: Actor, recording_id: str) -> None:
    with db.read() as session:
        patient_id = access.recording_of(session, recording_id).patient_id
    access.note_view(db, actor, patient_id)


def _summary_of(patient: Patient, until: datetime | None, recordings: int, last: date | None) -> PatientSummary:
    return PatientSummary(
        id=patient.id,
        name=patient.name,
        code=patient.code,
        born_on=patient.born_on,
        demo=patient.demo,
        revision=patient.revision,
        recordings=recordings,
        last_recorded_on=last,
        emergency_until=until,
    )


def _row(recording: Recording, job: Job | None, closed: bool, unread: bool, doubted: bool) -> RecordingRow:
    summary = Summary.from_dict(recording.summary) if recording.summary is not None and not closed else None
    length = recording.duration_s, recording.settings.get("every_s")
    return RecordingRow(
        id=recording.id,
        visit_id=recording.version_of or recording.id,
        shown=recording.current,
        patient_id=recording.patient_id,
        visit_number=recording.visit_number,
        kind=recording.kind,
        recorded_on=recording.recorded_on,
        recorded_time=recording.recorded_time,
        recorded_zone=recording.recorded_zone,
        note=recording.note,
        revision=recording.revision,
        source_name=recording.source_name,
        standing=standing_of(recording, job, closed, unread, doubted=doubted),
        duration_s=recording.duration_s if recording.kind == RecordingKind.VIDEO else None,
        width_px=recording.width_px,
        every_s=recording.settings.get("every_s"),
        samples=summary.samples if summary else None,
        usable_share=summary.usable_share if summary else None,
        usable_s=within(summary.usable_s, *length) if summary else None,
        longest_gap_s=within(summary.longest_gap_s, *length) if summary else None,
        reasons=dict(summary.reasons) if summary else {},
        face_px=summary.face_px if summary else None,
        sharpness=summary.sharpness if summary else None,
        brightness=summary.brightness if summary else None,
        bits_per_pixel=recording.bits_per_pixel if summary else None,
        framing_kept=summary.framing_kept if summary else None,
        framing_tried=summary.framing_tried if summary else 0,
        shares=summary.shares if summary else None,
        excluded=_why_not(summary, recording.partial, unread, doubted) if summary else None,
        model_sha256=recording.model_sha256 if summary else None,
        device=recording.device,
        damaged_frames=recording.damaged_frames,
        partial=recording.partial,
        face_choice=recording.settings.get("face_choice", {}),
        analysed_at=recording.analysed_at,
    )


def _why_not(summary: Summary, partial: bool, unread: bool, doubted: bool) -> str | None:
    return excluded(summary, partial, doubted) or (UNDER_CONDITION if unread else None)
