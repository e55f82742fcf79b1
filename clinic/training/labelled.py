"""The moments of the clinic's own recordings to which people gave a label, and the pictures that show them.

One picture a mark: the usable sample nearest to its middle, neither left out by a mark nor another person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from clinic import access
from clinic.patients import conditions, doubts
from clinic.patients.states import ENDED_WELL
from clinic.recordings import marks, uploads
from clinic.recordings.verdicts import LABELLED, LEAVES_OUT, Verdict
from clinic.training_queue import uses
from db.models import Job, Patient, Recording, RecordingKind, RecordingMark
from db.records import SampleTable, load_samples, within
from fer_core.emotions import EMOTION_LABELS
from fer_core.types import Box, Status

USABLE = tuple(status.value for status in Status if status.usable)


@dataclass(frozen=True, slots=True)
class LabelledSample:
    """A sample with the label, in `Emotion` order, that somebody gave it; `box`: the patient's face, in px."""

    frame_index: int
    time_s: float
    box: Box
    label: int


@dataclass(frozen=True, slots=True)
class Source:
    """A recording with labelled moments and its files. `every_s`: between the samples of a video."""

    patient_id: str
    recording_id: str
    kind: RecordingKind
    every_s: float
    upload_ids: tuple[str, ...]
    moments: tuple[LabelledSample, ...]


def given(session: Session, *only: ColumnElement[bool]) -> list[tuple[RecordingMark, str]]:
    """Return the marks with a label of people who are patients here, with the patient's id; the newest last.

    Not those of invented people, of recordings whose labels are not interpreted, and of what is mostly a stranger's.
    """
    rows = session.execute(_labelled().where(*only)).all()
    own = set(marks.of_patient([row for row, _ in rows], session.scalars(_of_others())))
    return [(row, patient_id) for row, patient_id in rows if row in own]


def sources(session: Session) -> list[Source]:
    """Return the recordings of people who agree to a training, with what of them may be used."""
    by_visit: dict[str, list[RecordingMark]] = defaultdict(list)
    for row, _ in given(session, uses.agreeing(session)):
        by_visit[row.recording_id].append(row)
    found = (_source(session, visit_id, rows) for visit_id, rows in by_visit.items())
    return [one for one in found if one is not None and one.moments]


def may_be_used(session: Session, source: Source) -> bool:
    """Return whether a recording is still there, and its patient still agrees."""
    asked = select(Recording.id).join(Patient, Patient.id == Recording.patient_id)
    return session.scalar(asked.where(Recording.id == source.recording_id, uses.agreeing(session))) is not None


def _source(session: Session, visit_id: str, rows: Sequence[RecordingMark]) -> Source | None:
    """Return what of a visit may be used: of the version that is shown, as far as its analysis has ended well."""
    visit = func.coalesce(Recording.version_of, Recording.id) == visit_id
    asked = select(Recording, Job).join(Job, Job.recording_id == Recording.id)
    ended = Job.state.in_(ENDED_WELL), Recording.summary.is_not(None)
    one = session.execute(asked.where(visit, Recording.current, *ended)).first()
    if one is None:
        return None
    recording, job = one
    files = tuple(source["id"] for source in job.sources if source.get("kind") != uploads.FACE)
    every_s = float(recording.settings.get("every_s") or 0.0)
    moments = _moments(load_samples(session, recording.id), rows, _left_out(session, visit_id))
    return Source(recording.patient_id, recording.id, recording.kind, every_s, files, moments)


def _moments(
    samples: SampleTable, rows: Sequence[RecordingMark], left_out: Sequence[tuple[float, float]]
) -> tuple[LabelledSample, ...]:
    usable = np.isin(samples.status, USABLE) & ~within(samples.time_s, left_out)
    found: dict[int, LabelledSample] = {}
    # Of two labels of one sample the newer counts.
    for row in sorted(rows, key=lambda mark: mark.number):
        inside = np.flatnonzero(usable & within(samples.time_s, [(row.begin_s, row.end_s)]))
        if len(inside):
            place = inside[np.abs(samples.time_s[inside] - (row.begin_s + row.end_s) / 2).argmin()]
            label = row.model_label if row.verdict == Verdict.AGREE else row.label
            index, time_s = int(samples.frame_index[place]), float(samples.time_s[place])
            found[index] = LabelledSample(
                index, time_s, Box(*samples.boxes[place].tolist()), EMOTION_LABELS.index(str(label))
            )
    return tuple(found[index] for index in sorted(found))


def _left_out(session: Session, visit_id: str) -> list[tuple[float, float]]:
    asked = select(RecordingMark.begin_s, RecordingMark.end_s)
    rows = session.execute(asked.where(RecordingMark.recording_id == visit_id, RecordingMark.verdict.in_(LEAVES_OUT)))
    return [(begin_s, end_s) for begin_s, end_s in rows]


def _of_others() -> Select[RecordingMark]:
    """Return the query of all marks that say that somebody is not the patient."""
    asked = select(RecordingMark).join(Recording, RecordingMark.recording_id == Recording.id)
    return asked.where(RecordingMark.verdict == Verdict.NOT_PATIENT, ~access.staged(Recording.patient_id))


def _labelled() -> Select[RecordingMark, str]:
    """Return the query of all marks with a label, and of their patients."""
    agreed = (RecordingMark.verdict == Verdict.AGREE) & RecordingMark.model_label.in_(EMOTION_LABELS)
    own = RecordingMark.verdict.in_(LABELLED) & RecordingMark.label.in_(EMOTION_LABELS)
    return (
        select(RecordingMark, Recording.patient_id)
        .join(Recording, RecordingMark.recording_id == Recording.id)
        .join(Patient, Patient.id == Recording.patient_id)
        .where(
            or_(agreed, own),
            conditions.interpreted(),
            ~doubts.doubted(),
            Patient.demo.is_(False),
            ~access.staged(Patient.id),
        )
        .order_by(RecordingMark.recording_id, RecordingMark.number)
    )
