"""A visit's recording, its samples, and the marks on it."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Boolean, Connection, ForeignKey, Index, String, Text, column, event, select, update
from sqlalchemy.orm import Mapped, backref, mapped_column, relationship

from db.models.base import Base, new_id, next_number
from db.models.enums import RecordingKind
from db.models.patients import Patient
from fer_core.types import Status

_IN_TREND = column("current", Boolean) & column("summary").is_not(None)


class Recording(Base):
    """One clinic visit's pictures or video, and how its results were made.

    `source_name` is display text alone. `summary` (see clinic/patients/summaries.py) is NULL until the analysis is
    done. `patient_track` is the face track chosen as the patient, NULL while unchosen. Analysed again with another
    model, a visit has several rows: `version_of` names the first, NULL in it, and one is `current`.
    """

    __tablename__ = "recording"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("recording"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    version_of: Mapped[str | None] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    current: Mapped[bool] = mapped_column(default=True)
    """Whether lists and trends show this version: a new one becomes it when its analysis is done."""
    visit_number: Mapped[int]
    """Which of the patient's visits it is, from 1; all versions have it, and no other visit gets it, even later."""
    kind: Mapped[RecordingKind]
    recorded_on: Mapped[date] = mapped_column(index=True)
    recorded_time: Mapped[time | None]
    """The time of day on the clinic's clock, where it is known."""
    recorded_zone: Mapped[str | None] = mapped_column(String(64))
    """The clinic's zone when day and time were given; NULL where none was chosen, or in an earlier version."""
    note: Mapped[str] = mapped_column(Text, default="")
    source_name: Mapped[str] = mapped_column(String(300), default="")
    source_sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    duration_s: Mapped[float | None]
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    codec: Mapped[str | None] = mapped_column(String(32))
    """How the video was compressed, such as ``h264``; NULL for pictures, and where an earlier version analysed it."""
    bits_per_pixel: Mapped[float | None]
    """See `fer_core.types.VideoInfo`, of pictures the median; NULL where an earlier version analysed it."""
    model_sha256: Mapped[str | None] = mapped_column(String(64))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    program_version: Mapped[str] = mapped_column(String(32), default="")
    device: Mapped[str] = mapped_column(String(64), default="")
    damaged_frames: Mapped[int] = mapped_column(default=0)
    partial: Mapped[bool] = mapped_column(default=False)
    patient_track: Mapped[int | None]
    summary: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    analysed_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    """Counts the edits of day, time and note; all versions of a visit have the same."""
    patient: Mapped[Patient] = relationship(
        backref=backref("recordings", cascade="all, delete-orphan", passive_deletes=True)
    )
    samples: Mapped[list[Sample]] = relationship(
        back_populates="recording", cascade="all, delete-orphan", passive_deletes=True
    )
    chunks: Mapped[list[StoredChunk]] = relationship(
        back_populates="recording", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (
        # The caseload counts tens of thousands of recordings: from these indexes alone, without reading a row.
        Index("ix_recording_listed", "patient_id", "current", "recorded_on"),
        Index(
            "ix_recording_in_trend",
            "patient_id",
            "number",
            "revision",
            sqlite_where=_IN_TREND,
            postgresql_where=_IN_TREND,
        ),
    )


@event.listens_for(Recording, "before_insert")
def _number_visit(_mapper: Any, connection: Connection, recording: Recording) -> None:
    """Give a recording its visit's number; of a deleted visit the number is not given again."""
    if recording.visit_number is not None:
        return
    if recording.version_of is not None:
        visit = select(Recording.visit_number).where(Recording.id == recording.version_of)
        recording.visit_number = connection.execute(visit).scalar_one()
        return
    of_patient = Patient.id == recording.patient_id
    connection.execute(update(Patient).where(of_patient).values(visits=Patient.visits + 1))
    # Where there is no such patient the row is refused anyway, for its reference.
    recording.visit_number = connection.execute(select(Patient.visits).where(of_patient)).scalar() or 1


class Sample(Base):
    """One face at one moment of a recording, or one moment without a face (`track` -1, everything else NULL).

    Probabilities stand in `Emotion` order and are NULL together wherever `status` is neither ok nor uncertain.
    """

    __tablename__ = "sample"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True)
    frame_index: Mapped[int] = mapped_column(primary_key=True)
    track: Mapped[int] = mapped_column(primary_key=True, default=-1)
    time_s: Mapped[float]
    status: Mapped[str] = mapped_column(String(16), default=Status.NO_FACE.value)
    left: Mapped[float | None]
    top: Mapped[float | None]
    right: Mapped[float | None]
    bottom: Mapped[float | None]
    confidence: Mapped[float | None]
    sharpness: Mapped[float | None]
    brightness: Mapped[float | None]
    """Both see `fer_core.types.Quality`; NULL without a face, and where an earlier version analysed it."""
    mouth_change: Mapped[float | None]
    """See `fer_core.types.FaceExpression`; NULL in pictures too, and where there is nothing to compare with."""
    framing_kept: Mapped[float | None]
    """See `fer_core.types.FaceExpression`; NULL where it wasn't tried: of a video's samples, all but one in 10 s."""
    angry: Mapped[float | None]
    disgust: Mapped[float | None]
    fear: Mapped[float | None]
    happy: Mapped[float | None]
    sad: Mapped[float | None]
    surprise: Mapped[float | None]
    neutral: Mapped[float | None]
    recording: Mapped[Recording] = relationship(back_populates="samples")

    __table_args__ = (Index("ix_sample_recording_time", "recording_id", "time_s"),)


class RecordingMark(Base):
    """What a clinician says of a stretch of a visit's recording, seconds; the samples stay as they are.

    `recording_id`: the visit's first version. `verdict`, `label`, `reason`: see `clinic.recordings.marks`.
    `model_label`: what the model `model_sha256` had said of most of the stretch, NULL where it gave no label.
    """

    __tablename__ = "recording_mark"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("recording_mark"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    begin_s: Mapped[float]
    end_s: Mapped[float]
    verdict: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(24))
    note: Mapped[str] = mapped_column(Text, default="")
    model_label: Mapped[str | None] = mapped_column(String(16))
    model_sha256: Mapped[str | None] = mapped_column(String(64))
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)


class StoredChunk(Base):
    """About 10 s of video, or one picture, whose samples are written: in one transaction with this row, and only once.

    From `begin_s` to `end_s` of the recording, seconds; `samples`: moments looked at; `worked_s`: how long that took.
    `lease_token`: under which of the job's fencing tokens it was written.
    """

    __tablename__ = "chunk"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    begin_s: Mapped[float]
    end_s: Mapped[float]
    samples: Mapped[int]
    worked_s: Mapped[float]
    lease_token: Mapped[int]
    written_at: Mapped[datetime] = mapped_column(index=True)
    recording: Mapped[Recording] = relationship(back_populates="chunks")
