"""Analyses: one of a recording, and a request to analyse recordings again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, backref, mapped_column, relationship

from db.models.base import Base, new_id, next_number
from db.models.enums import JobState
from db.models.recordings import Recording


class Reanalysis(Base):
    """A request to analyse recordings again with another model: of one patient, or of everybody (`patient_id` NULL)."""

    __tablename__ = "reanalysis"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("reanalysis"), index=True)
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    model_sha256: Mapped[str] = mapped_column(String(64))
    paused: Mapped[bool] = mapped_column(default=False)
    without_file: Mapped[int] = mapped_column(default=0)
    """How many recordings could not be queued, because their file is no longer kept."""
    created_at: Mapped[datetime]


class PatientImport(Base):
    """A patient's archive that is brought in: queued -> running -> done, failed or cancelled.

    While it is queued or running, its patient is staged: rows are there, and nobody sees them (`clinic.access.staged`).
    `account_id`: whose caseload it is for, NULL for the console; `upload_id`: where the archive waits
    (clinic/recordings/incoming.py), NULL for the console's. Lease and token are those of `Job`. `share`: of the
    work, 0 to 1. An ended one has a patient only where it is done.
    """

    __tablename__ = "patient_import"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("patient_import"), index=True)
    account_id: Mapped[str | None] = mapped_column(String(32), index=True)
    upload_id: Mapped[str | None] = mapped_column(String(32))
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED, index=True)
    worker: Mapped[str] = mapped_column(String(64), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    share: Mapped[float] = mapped_column(default=0.0)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class VideoCopy(Base):
    """A copy of a kept video, with boxes and labels and all else unrecognisable, that somebody asked for.

    `state`: of `JobState`, without choosing and partial. A worker holds it until `lease_until`; `attempts` grows with
    every worker that begins it, and is the token by which the holder writes. `ticket`: what fetches it once, when done.
    """

    __tablename__ = "video_copy"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("video_copy"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    done_s: Mapped[float] = mapped_column(default=0.0)
    total_s: Mapped[float | None]
    error_message: Mapped[str | None] = mapped_column(Text)
    ticket: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]


class ReportJob(Base):
    """A report on a patient that somebody asked for.

    `asked`: what it is about and what was written for it, NULL once it ended. `seen`: the state of the patient's record
    that was on the screen. `state`, `attempts`, `lease_until` and `ticket` as in `VideoCopy`; `kind`: of the file.
    `share`: how much of the work is done.
    """

    __tablename__ = "report_job"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("report_job"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    asked: Mapped[dict[str, Any] | None]
    seen: Mapped[str] = mapped_column(String(16))
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    share: Mapped[float] = mapped_column(default=0.0)
    error_message: Mapped[str | None] = mapped_column(Text)
    ticket: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]


class Job(Base):
    """The analysis of one recording: queued -> running -> (choosing ->) done, partial, failed or cancelled.

    A worker holds a job by a lease: `lease_until` and the fencing token `lease_token`, which grows with every
    take-over, so that a worker that comes back from the dead can't write any more. `cursor` (see clinic/jobs/chunks.py)
    is what the next worker needs to go on after the last chunk, NULL before the first and after the end.
    """

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("job"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), unique=True)
    key: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The idempotency key: SHA-256 of visit, model, settings and chosen face. No second job has the same."""
    reanalysis_id: Mapped[str | None] = mapped_column(ForeignKey("reanalysis.id", ondelete="SET NULL"), index=True)
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED, index=True)
    priority: Mapped[int] = mapped_column(default=0)
    """Higher first: pictures pass long videos."""
    attempts: Mapped[int] = mapped_column(default=0)
    """How often a worker began since the last chunk was written."""
    not_before: Mapped[datetime | None]
    """After a worker died of it: when it is tried again."""
    worker: Mapped[str] = mapped_column(String(100), default="")
    """Who holds it, or held it last."""
    cursor: Mapped[dict[str, Any] | None]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    sources: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """The uploads to analyse, in order: ``{"id", "name", "sha256", "size", "kind"}`` each."""
    done_s: Mapped[float] = mapped_column(default=0.0)
    resumed_s: Mapped[float] = mapped_column(default=0.0)
    """What of `done_s` was done before the present holder began."""
    total_s: Mapped[float | None]
    frames: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    recording: Mapped[Recording] = relationship(
        backref=backref("job", cascade="all, delete-orphan", passive_deletes=True, uselist=False)
    )
