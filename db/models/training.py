"""Trainings of models: checks of a data set, runs and their evaluations, one row each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, new_id, next_number
from db.models.enums import JobState


class Training(Base):
    """A step on the way to a model: queued -> running -> done, failed or cancelled.

    `kind`: ``check`` of a data set, ``run``, ``tune`` (a run with the clinic's own people), ``evaluate``, or
    ``examples`` of what the model in use says; `run_id`: the run that is evaluated. `data`: the data set's name in the
    folder that the settings name. `recipe`: of a run (train/config.py), and `start_from`: the run whose weights it
    begins with. `search_id`: what the runs of one search for hyper-parameters have in common, NULL for a run of its
    own. Lease and token are those of `Job`; `attempts`: how often a worker began since the last epoch. `done` of
    `total` epochs. `people`: how many people's pictures a ``tune`` uses, NULL before they are cut. What is written of
    it lies in a folder of its id (clinic/training_queue/places.py).
    """

    __tablename__ = "training"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("training"), index=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    run_id: Mapped[str | None] = mapped_column(String(32), index=True)
    account_id: Mapped[str | None] = mapped_column(String(32))
    data: Mapped[str] = mapped_column(Text)
    recipe: Mapped[dict[str, Any] | None]
    start_from: Mapped[str | None] = mapped_column(String(32))
    search_id: Mapped[str | None] = mapped_column(String(32), index=True)
    people: Mapped[int | None]
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED, index=True)
    paused: Mapped[bool] = mapped_column(default=False)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    worker: Mapped[str] = mapped_column(String(100), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class TrainingUse(Base):
    """That a patient's labelled moments were used in a training: to train on or, `held_out`, to judge the model.

    `training_id` and `run_number` name the run, which another installation doesn't have: no reference. `moments`: how
    many pictures of the patient it got. Deleted with the run, and when the consent to it is withdrawn.
    """

    __tablename__ = "training_use"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("training_use"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    training_id: Mapped[str] = mapped_column(String(32), index=True)
    run_number: Mapped[int]
    moments: Mapped[int]
    held_out: Mapped[bool]
    used_at: Mapped[datetime]
