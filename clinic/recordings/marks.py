"""Clinicians' marks on stretches of a recording. The samples stay unchanged: marks are stored beside them.

Marks belong to the visit: all versions of it show them. What the model had said is kept with each, so that agreement is
counted for the model that was judged.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import Difference, need_seen, need_unchanged
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients import conditions, digests, doubts
from clinic.patients.fields import valid_note
from clinic.patients.states import REPLACED, REPLACED_SENTENCES, UNDER_WAY, replaced_of
from clinic.patients.summaries import summarise_recording
from clinic.recordings.verdicts import (
    LABELLED,
    REASONS,
    Agreement,
    Mark,
    MarkFields,
    Verdict,
    agreed_of,
    describe,
)
from clinic.training_queue import uses
from db.engine import Database
from db.models import Account, Job, Recording, RecordingMark, Sample
from db.records import others_spans
from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from fer_core.types import Status

LONGEST_S = 24 * 3600.0
OF_FACE = (Verdict.AGREE, Verdict.OTHER, Verdict.IMPRESSION, Verdict.UNCLEAR, Verdict.NOT_PATIENT)
"""What these say is said of the face that was chosen, and not of another one."""


def marks(db: Database, actor: Actor, recording_id: str) -> list[Mark]:
    """Return the marks of a recording's visit in the order of time. Raises Forbidden, ConsentError, FerError.

    What the model said of somebody who is marked as not the patient is left out.
    """
    with db.read() as session:
        visit_id, _ = _readable(session, actor, recording_id)
        rows = session.execute(
            select(RecordingMark, Account.name)
            .outerjoin(Account, Account.id == RecordingMark.recorded_by)
            .where(RecordingMark.recording_id == visit_id)
            .order_by(RecordingMark.begin_s, RecordingMark.number)
        ).all()
        found = [row for row, _ in rows]
        own = {row.id for row in of_patient(found, found)}
        return [
            Mark(
                row.id,
                row.number,
                row.revision,
                _said(row),
                row.model_label if row.id in own else None,
                name,
                row.model_sha256,
            )
            for row, name in rows
        ]


def of_patient(rows: Sequence[RecordingMark], beside: Iterable[RecordingMark]) -> list[RecordingMark]:
    """Return those of the marks whose stretch is the patient's: at most half of its time is marked as not the patient.

    What the model said there counts. `beside`: all marks of these recordings that say so, and any others. Where several
    of them overlap, the time is counted once.
    """
    if not rows:
        return []
    others: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in sorted(beside, key=lambda mark: mark.begin_s):
        if one.verdict == Verdict.NOT_PATIENT:
            others[one.recording_id].append((one.begin_s, one.end_s))
    return [row for row in rows if _covered_s(row, others[row.recording_id]) <= (row.end_s - row.begin_s) / 2]


def _covered_s(row: RecordingMark, spans: Sequence[tuple[float, float]]) -> float:
    """Return how many seconds of a mark lie in one of the stretches, which are in the order of their beginnings."""
    covered_s, until_s = 0.0, row.begin_s
    for begin_s, end_s in spans:
        from_s, to_s = max(begin_s, until_s), min(end_s, row.end_s)
        covered_s += max(0.0, to_s - from_s)
        until_s = max(until_s, to_s)
    return covered_s


def add(db: Database, actor: Actor, recording_id: str, said: MarkFields, seen: Collection[str] | None = None) -> str:
    """Add a mark and return its id. `seen`: the ids of the marks that were on the screen, None where there was none.

    Raises Forbidden, ConsentError, ConflictError where somebody marked the same stretch meanwhile, FerError
    ``bad_mark``, ``bad_note``, ``moments_gone``, ``face_replaced``.
    """
    with db.session() as session:
        recording = access.recording_of(session, recording_id)
        account = access.require_writer_of(session, actor, recording.patient_id)
        consent.need(session, recording.patient_id, Scope.KEEP_RESULTS)
        # Until it is over, the stored samples may belong to several people.
        if session.scalar(select(Job.state).where(Job.recording_id == recording_id)) in UNDER_WAY:
            raise FerError("The analysis of this recording is still running.", "analysis_under_way")
        _need_its_face(recording, said)
        visit_id, model_label = recording.version_of or recording.id, _model_label(session, recording_id, said)
        said = _valid(said, model_label)
        _need_seen(session, visit_id, said, seen)
        row = RecordingMark(
            recording_id=visit_id,
            begin_s=said.begin_s,
            end_s=said.end_s,
            verdict=said.verdict.value,
            label=said.label,
            reason=said.reason,
            note=said.note,
            model_label=model_label,
            model_sha256=recording.model_sha256,
            recorded_by=account.id,
            recorded_at=clock.now(),
        )
        session.add(row)
        _follow(session, row, said.verdict)
        _end_its_use(session, recording, said)
        audit.write(
            session, AuditAction.MARK_ADDED, account.id, recording.patient_id, recording_id, verdict=said.verdict.value
        )
        return row.id


def edit(db: Database, actor: Actor, mark_id: str, seen: int, said: MarkFields, shown: str | None = None) -> None:
    """Change what a mark says. `seen`: its revision on the screen, `shown`: the version of the recording there.

    What is judged again is judged on that version: the mark then counts for its model. None: the version that the visit
    shows now. Raises Forbidden, ConsentError, ConflictError, FerError ``unknown_mark``, ``unknown_recording``,
    ``bad_mark``, ``bad_note``, ``face_replaced``.
    """
    with db.session() as session:
        row, recording, account = _writable(session, actor, mark_id)
        judged = _judged(session, row, shown)
        again = replace(said, note="") != replace(_said(row), note="")
        if again:
            _need_its_face(judged, said)
        model_label = _model_label(session, judged.id, said) if again else row.model_label
        said = _valid(said, model_label)
        need_unchanged("this mark", seen, row.revision, [Difference("Mark", describe(_said(row)), describe(said))])
        before = Verdict(row.verdict)
        row.begin_s, row.end_s, row.verdict = said.begin_s, said.end_s, said.verdict.value
        row.label, row.reason, row.note = said.label, said.reason, said.note
        if again:
            row.model_label, row.model_sha256 = model_label, judged.model_sha256
        row.revision += 1
        _follow(session, row, before, said.verdict)
        _end_its_use(session, recording, said)
        audit.write(
            session, AuditAction.MARK_CHANGED, account.id, recording.patient_id, recording.id, verdict=row.verdict
        )


def remove(db: Database, actor: Actor, mark_id: str, seen: int) -> None:
    """Delete a mark. `seen`: its revision on the screen. Raises Forbidden, ConflictError, FerError ``unknown_mark``."""
    with db.session() as session:
        row, recording, account = _writable(session, actor, mark_id)
        need_unchanged("this mark", seen, row.revision)
        session.delete(row)
        _follow(session, row, Verdict(row.verdict))
        audit.write(
            session, AuditAction.MARK_DELETED, account.id, recording.patient_id, recording.id, verdict=row.verdict
        )
    db.forget_deleted()


def agreement(db: Database, actor: Actor, recording_id: str) -> Agreement:
    """Return how often clinicians agreed with this recording's model for this patient, over all recordings.

    What was recorded under a condition of the face does not count, for its labels are not interpreted, nor does a
    recording whose patient's face is being chosen again.
    Raises Forbidden, ConsentError, FerError ``unknown_recording``.
    """
    with db.read() as session:
        _, recording = _readable(session, actor, recording_id)
        judged = and_(
            RecordingMark.model_sha256 == recording.model_sha256,
            RecordingMark.model_label.in_(EMOTION_LABELS),
            RecordingMark.verdict.in_([Verdict.AGREE, Verdict.OTHER, Verdict.IMPRESSION]),
        )
        rows = session.scalars(
            select(RecordingMark)
            .join(Recording, Recording.id == RecordingMark.recording_id)
            .where(Recording.patient_id == recording.patient_id, conditions.interpreted(), ~doubts.doubted())
            .where(or_(judged, RecordingMark.verdict == Verdict.NOT_PATIENT))
        ).all()
        own = of_patient([row for row in rows if row.verdict != Verdict.NOT_PATIENT], rows)
    return agreed_of([row.verdict == Verdict.AGREE or row.label == row.model_label for row in own])


def check_row(row: Mapping[str, Any]) -> None:
    """Raise ValueError or FerError for an imported mark that could not be shown."""
    said = MarkFields(
        row["begin_s"], row["end_s"], Verdict(row["verdict"]), row.get("label"), row.get("reason"), row["note"]
    )
    if _valid(said, row.get("model_label")) != said or row.get("model_label") not in {
        None,
        "uncertain",
        *EMOTION_LABELS,
    }:
        raise ValueError("no mark")


def void(session: Session, recording: Recording, account_id: str) -> None:
    """Delete the marks of a visit that were made on an earlier choice of its face."""
    rows = session.scalars(
        select(RecordingMark).where(
            RecordingMark.recording_id == (recording.version_of or recording.id), RecordingMark.verdict.in_(OF_FACE)
        )
    ).all()
    for row in rows:
        session.delete(row)
        audit.write(
            session, AuditAction.MARK_DELETED, account_id, recording.patient_id, recording.id, verdict=row.verdict
        )
    session.flush()


def judge_again(session: Session, recording: Recording) -> None:
    """Let the marks that a new choice of face leaves name what the model said of that face: nothing where none was."""
    visit_id = recording.version_of or recording.id
    for row in session.scalars(select(RecordingMark).where(RecordingMark.recording_id == visit_id)):
        row.model_label = _model_label(session, recording.id, _said(row))
        row.model_sha256 = recording.model_sha256
    session.flush()


def _follow(session: Session, row: RecordingMark, *verdicts: Verdict) -> None:
    """Let the summaries of the visit, and the trend with them, follow a mark that says who is not the patient.

    Raises FerError ``moments_gone`` where only the summary is kept, which can't be worked out without the samples.
    """
    session.flush()
    if Verdict.NOT_PATIENT not in verdicts:
        return
    visit = or_(Recording.id == row.recording_id, Recording.version_of == row.recording_id)
    for recording in session.scalars(select(Recording).where(visit, Recording.summary.is_not(None))):
        if session.scalar(select(Sample.frame_index).where(Sample.recording_id == recording.id).limit(1)) is None:
            raise FerError(
                "The samples of this recording were deleted, so the patient's face in it can't be changed.",
                "moments_gone",
            )
        recording.summary = summarise_recording(session, recording)
        digests.forget(session, recording.patient_id)


def _end_its_use(session: Session, recording: Recording, said: MarkFields) -> None:
    """End the trainings that learn from a face of which a mark says that it is not the patient's."""
    if said.verdict is Verdict.NOT_PATIENT:
        uses.face_corrected(session, recording.patient_id)


def _readable(session: Session, actor: Actor, recording_id: str) -> tuple[str, Recording]:
    recording = access.recording_of(session, recording_id)
    access.require_reader_of(session, actor, recording.patient_id)
    consent.need(session, recording.patient_id, Scope.KEEP_RESULTS)
    return recording.version_of or recording.id, recording


def _writable(session: Session, actor: Actor, mark_id: str) -> tuple[RecordingMark, Recording, Account]:
    row = session.get(RecordingMark, mark_id)
    if row is None:
        raise FerError("This mark does not exist any more.", "unknown_mark")
    recording = session.get_one(Recording, row.recording_id)
    account = access.require_writer_of(session, actor, recording.patient_id)
    consent.need(session, recording.patient_id, Scope.KEEP_RESULTS)
    return row, recording, account


def _judged(session: Session, row: RecordingMark, shown: str | None) -> Recording:
    """Return the version of a mark's visit that is judged. Raises FerError ``unknown_recording``."""
    visit = or_(Recording.id == row.recording_id, Recording.version_of == row.recording_id)
    which = Recording.id == shown if shown is not None else Recording.current
    found = session.scalar(select(Recording).where(visit, which).limit(1))
    if found is None and shown is not None:
        raise FerError("This recording does not exist any more.", "unknown_recording")
    return found if found is not None else session.get_one(Recording, row.recording_id)


def _need_its_face(recording: Recording, said: MarkFields) -> None:
    why = replaced_of(recording)
    if why is not None and said.verdict in OF_FACE:
        raise FerError(f"{REPLACED_SENTENCES[why]} Please open the recording again.", REPLACED)


def _need_seen(session: Session, visit_id: str, said: MarkFields, seen: Collection[str] | None) -> None:
    """Refuse a mark on a stretch that another user marked since the screen was drawn. Raises ConflictError."""
    same = session.scalars(
        select(RecordingMark)
        .where(RecordingMark.recording_id == visit_id)
        .where(RecordingMark.begin_s < said.end_s, RecordingMark.end_s > said.begin_s)
        .order_by(RecordingMark.number)
    )
    need_seen("this stretch", seen, {row.id: describe(_said(row)) for row in same}, describe(said))


def _model_label(session: Session, recording_id: str, said: MarkFields) -> str | None:
    """Return the label that the model gave most samples of a stretch, ``"uncertain"``, or None where it gave none."""
    inside = select(Sample).where(
        Sample.recording_id == recording_id, Sample.time_s >= said.begin_s, Sample.time_s < said.end_s
    )
    usable = inside.where(or_(Sample.status == Status.OK, Sample.status == Status.UNCERTAIN))
    for begin_s, end_s in others_spans(session, recording_id):
        usable = usable.where(~((Sample.time_s >= begin_s) & (Sample.time_s < end_s)))
    counts: dict[str, int] = {}
    for row in session.execute(select(usable.subquery())).mappings():
        label = "uncertain"
        if row["status"] == Status.OK:
            label = max(EMOTION_LABELS, key=lambda name, row=row: row[name] or 0.0)  # type: ignore[misc]
        counts[label] = counts.get(label, 0) + 1
    whole = session.scalar(select(func.count()).select_from(inside.subquery())) or 0
    if sum(counts.values()) * 2 < max(1, whole):
        return None
    return max(counts, key=lambda label: counts[label])


def _valid(said: MarkFields, model_label: str | None) -> MarkFields:
    """Return a mark as it is kept. Raises FerError ``bad_mark``, ``bad_note``."""
    finite = math.isfinite(said.begin_s) and math.isfinite(said.end_s)
    if not finite or not 0 <= said.begin_s < said.end_s <= LONGEST_S:
        raise FerError("Please choose a stretch of the recording.", "bad_mark")
    if said.verdict is Verdict.AGREE and model_label not in EMOTION_LABELS:
        raise FerError("The model gave no label here to agree with.", "bad_mark")
    if (said.label not in EMOTION_LABELS) if said.verdict in LABELLED else (said.label is not None):
        raise FerError("Please choose a label.", "bad_mark")
    if said.verdict in REASONS and said.reason not in REASONS[said.verdict]:
        raise FerError("Please choose a reason.", "bad_mark")
    if said.verdict not in REASONS and said.reason is not None:
        raise FerError("Only an event and an exclusion have a reason.", "bad_mark")
    return replace(said, note=valid_note(said.note))


def _said(row: RecordingMark) -> MarkFields:
    return MarkFields(row.begin_s, row.end_s, Verdict(row.verdict), row.label, row.reason, row.note)
