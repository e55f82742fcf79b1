"""How many of the clinic's own moments people gave a label, and from how many on training on them could begin.

Nothing is trained on them: no consent of this program covers it (`clinic.consent.scopes`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Select, or_, select

from clinic import access
from clinic.access import Actor
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients import conditions
from clinic.recordings import marks
from clinic.recordings.verdicts import LABELLED, Verdict
from db.engine import Database
from db.models import Patient, Recording, RecordingMark
from fer_core.emotions import EMOTION_LABELS
from train.config import PEOPLE_NEEDED, PICTURES_EACH

MARKS_EACH, PATIENTS_NEEDED = PICTURES_EACH, PEOPLE_NEEDED
"""From so many patients, with so many labelled moments each, an attempt could be judged (`train.config`)."""


@dataclass(frozen=True, slots=True)
class OwnSamples:
    """What people labelled: `marks` of `patients`, and of these who let the clinic keep their videos.

    `ready`: patients who let it, with `MARKS_EACH` or more. Invented patients don't count.
    """

    marks: int
    patients: int
    with_video: int
    patients_with_video: int
    ready: int


def count(db: Database, actor: Actor) -> OwnSamples:
    """Return how many moments have a label that a person gave. Raises Forbidden ``only_administrators``."""
    with db.read() as session:
        access.require_administrator(session, actor)
        found = session.execute(_labelled()).all()
        others = session.scalars(_of_others())
        own = set(marks.of_patient([row for row, _ in found], others))
        marked = Counter(patient_id for row, patient_id in found if row in own)
        kept = set(session.scalars(consent.covered(session, Scope.KEEP_VIDEO)))
    with_video = {patient: found for patient, found in marked.items() if patient in kept}
    return OwnSamples(
        marks=marked.total(),
        patients=len(marked),
        with_video=sum(with_video.values()),
        patients_with_video=len(with_video),
        ready=sum(found >= MARKS_EACH for found in with_video.values()),
    )


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
            Patient.demo.is_(False),
            ~access.staged(Patient.id),
        )
    )
