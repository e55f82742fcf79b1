"""The API's requests and responses, as its description documents them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, time
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictFloat, StrictInt

from clinic.jobs.jobs import Enqueued
from clinic.patients.caseload import RecordingRow
from clinic.patients.conditions import Condition, holding
from clinic.patients.fields import RecordingFields
from clinic.questionnaires.answers import Answer
from db.records import SampleTable
from fer_core.emotions import EMOTION_LABELS
from fer_core.types import FaceExpression, RecordingAnalysis

MEANING = "A probability is the model's output for a label of the face's expression. It is not the chance of a feeling."
ID = r"^[0-9a-f]{32}$"
MOST_BYTES = 2**50
Id = Annotated[str, Field(pattern=ID)]
Said = Literal["recorded_on", "recorded_time", "note"]


def _day(value: Any) -> Any:
    """Refuse numbers: pydantic would take them for seconds since 1970."""
    if not (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        raise ValueError("a day is written YYYY-MM-DD")
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FaceBox(BaseModel):
    """A rectangle in px of the upright picture; it may reach beyond the edge."""

    left: float
    top: float
    right: float
    bottom: float


class FaceQuality(BaseModel):
    """How well a face can be read; see `fer_core.types.Quality`."""

    size_px: float
    sharpness: float
    brightness: float
    yaw_deg: float | None
    pitch_deg: float | None
    roll_deg: float | None
    outside: float


class FaceReading(BaseModel):
    """A face. `label` is null where the model is uncertain or the face can't be read; `status` says why."""

    box: FaceBox
    confidence: float
    status: str
    label: str | None
    probabilities: dict[str, float] | None
    quality: FaceQuality | None

    @classmethod
    def of(cls, seen: FaceExpression) -> FaceReading:
        """Return the response for a face."""
        face, quality = seen.face, seen.face.quality
        return cls(
            box=FaceBox(left=face.box.left, top=face.box.top, right=face.box.right, bottom=face.box.bottom),
            confidence=face.confidence,
            status=seen.status.value,
            label=seen.emotion.label if seen.emotion is not None else None,
            probabilities=_labelled(seen.probabilities) if seen.probabilities is not None else None,
            quality=FaceQuality.model_validate(quality, from_attributes=True) if quality is not None else None,
        )


class Expressions(BaseModel):
    """The faces of a picture. Nothing of the picture or of this answer is kept.

    `skipped_frames`: how many pictures follow the first in its file (an animation, pages); they are not read.
    """

    width_px: int
    height_px: int
    skipped_frames: int
    faces: list[FaceReading]
    model_sha256: str
    meaning: str = MEANING

    @classmethod
    def of(cls, found: RecordingAnalysis) -> Expressions:
        """Return the response for a picture."""
        return cls(
            width_px=found.info.width_px,
            height_px=found.info.height_px,
            skipped_frames=found.skipped_frames,
            faces=[FaceReading.of(seen) for seen in found.results[0].faces],
            model_sha256=found.model_sha256,
        )


class NewUpload(_Strict):
    """A file to upload: its length in bytes, and its SHA-256, which what arrives is then compared with."""

    length: Annotated[StrictInt, Field(ge=1, le=MOST_BYTES)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class UploadState(BaseModel):
    """How much of a file is stored; send the next piece from `offset` on."""

    id: str
    offset: int
    length: int
    whole: bool


class NewRecording(_Strict):
    """A completely uploaded video or picture, its patient, and when it was recorded."""

    upload_id: Id
    patient_id: Id
    recorded_on: Annotated[date, BeforeValidator(_day)]
    recorded_time: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    name: Annotated[str, Field(max_length=300)] = "recording"
    note: Annotated[str, Field(max_length=2000)] = ""
    every_s: Annotated[StrictFloat, Field(ge=0.1, le=10)] = 0.2


class Differing(BaseModel):
    """A field of a duplicate in which what is stored is not what was sent; the stored value stays."""

    field: Said
    stored: str | None
    sent: str | None


class HandedIn(BaseModel):
    """The recording that is analysed now.

    `duplicate`: the same file was handed in before, and this is that one. `differs`: where the day, the time of day or
    the note that were sent this time are not what is stored of it, or of the recording that another model analyses now;
    nothing of them was changed. `also_here`: the ids of the patient's other recordings of the very same file, which is
    counted twice then. `counted_twice`: 1 for a picture that lies among the pictures of another recording.
    `also_elsewhere`: the same file is stored for another patient too, so that a person should check whose it is.
    """

    recording_id: str
    duplicate: bool
    differs: list[Differing]
    also_here: list[str]
    counted_twice: int
    also_elsewhere: bool

    @classmethod
    def of(cls, queued: Enqueued, named: Collection[str]) -> HandedIn:
        """Return the response for an uploaded file. `named`: the fields that the request itself had."""
        stored, asked = queued.stored, queued.asked
        differs = _differing(stored, asked, named) if stored and asked else []
        return cls(
            recording_id=queued.recording_id,
            duplicate=queued.duplicate,
            differs=differs,
            also_here=[recording_id for recording_id, _ in queued.also_here],
            counted_twice=queued.counted_twice,
            also_elsewhere=queued.also_elsewhere,
        )


def _differing(stored: RecordingFields, sent: RecordingFields, named: Collection[str]) -> list[Differing]:
    fields = [name for name in get_args(Said) if name in named]
    pairs = {name: (_said(getattr(stored, name)), _said(getattr(sent, name))) for name in fields}
    return [Differing(field=name, stored=old, sent=new) for name, (old, new) in pairs.items() if old != new]


def _said(value: date | time | str | None) -> str | None:
    """Return a field as it is sent: a day in ISO 8601, a time of day as ``14:05``, a note as it is."""
    return f"{value:%H:%M}" if isinstance(value, time) else str(value) if value is not None else None


class PatientReference(BaseModel):
    """A patient whom the token may access; without the name."""

    id: str
    code: str
    recordings: int


class RecordingResult(BaseModel):
    """A recording, the state of its analysis, and its results: null until it is over, or where they are not allowed.

    `recorded_time`: the time of day as ``14:05``, null where none is known. `shares`: of the time with a usable face,
    how much each label has, 0 to 1. `usable_share`: 0 to 1.
    `not_interpreted`: a condition of the patient's face held that day, so that labels say nothing and are left out.
    `excluded`: why its results do not count in the trend, null where they do, and where there are none.
    """

    id: str
    patient_id: str
    kind: str
    recorded_on: date
    recorded_time: str | None
    state: str
    says: str
    duration_s: float | None
    samples: int | None
    usable_share: float | None
    shares: dict[str, float] | None
    not_interpreted: bool
    excluded: str | None
    unread: dict[str, float]
    model_sha256: str | None
    meaning: str = MEANING

    @classmethod
    def of(cls, row: RecordingRow, found: Sequence[Condition]) -> RecordingResult:
        """Return the response for a recording; `found`: the conditions of the patient's face."""
        not_interpreted = bool(holding(found, row.recorded_on))
        return cls(
            id=row.id,
            patient_id=row.patient_id,
            kind=row.kind,
            recorded_on=row.recorded_on,
            recorded_time=_said(row.recorded_time),
            state=row.standing.state.value,
            says=row.standing.sentence,
            duration_s=row.duration_s,
            samples=row.samples,
            usable_share=row.usable_share,
            shares=None if not_interpreted else row.shares,
            not_interpreted=not_interpreted,
            excluded=row.excluded,
            unread=row.reasons,
            model_sha256=row.model_sha256,
        )


class Sample(BaseModel):
    """One sample: seconds from the beginning, why there is a label or none, and the probabilities."""

    time_s: float
    status: str
    probabilities: dict[str, float] | None


class Samples(BaseModel):
    """The samples of a recording, at which the patient's face was searched for.

    `not_interpreted`: a condition of the patient's face held that day, so all probabilities are left out.
    `excluded`: why the recording does not count, as of the recording itself: they may be another person's.
    """

    samples: list[Sample]
    not_interpreted: bool
    excluded: str | None
    meaning: str = MEANING

    @classmethod
    def of(cls, table: SampleTable, not_interpreted: bool, excluded: str | None) -> Samples:
        """Return the response for a recording's samples."""
        rows = zip(table.time_s, table.status, table.probabilities, strict=True)
        return cls(
            samples=[
                Sample(
                    time_s=float(time_s),
                    status=str(status),
                    probabilities=None if not_interpreted or shares[0] != shares[0] else _labelled(shares.tolist()),
                )
                for time_s, status, shares in rows
            ],
            not_interpreted=not_interpreted,
            excluded=excluded,
        )


class QuestionnaireScore(BaseModel):
    """A questionnaire that a patient answered: its total and band, null where too much is missing."""

    scale: str
    name: str
    answered_on: date
    items: list[int | None] | None
    total: float | None
    band: str | None
    missing: int

    @classmethod
    def of(cls, answer: Answer) -> QuestionnaireScore:
        """Return the response for an answer."""
        return cls(
            scale=answer.scale.key,
            name=answer.scale.name,
            answered_on=answer.answered_on,
            items=list(answer.items) if answer.items is not None else None,
            total=answer.score.total,
            band=answer.score.band,
            missing=answer.score.missing,
        )


def _labelled(probabilities: Any) -> dict[str, float]:
    return dict(zip(EMOTION_LABELS, probabilities, strict=True))
