"""Questionnaires: the clinic's own scales, answers, when they are due, and a device in a patient's hands."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, new_id, next_number


class OwnScale(Base):
    """A questionnaire that the clinic defined: a name, a range of totals and its bands; no text of its questions.

    `bands`: ``{"least", "label"}`` each, in the order of the totals. `higher_is`: ``"worse"``, ``"better"`` or
    ``"neither"``. `reliability` and `spread` (the standard deviation it was found with) come from `source`; NULL where
    nobody gave them, and then no change is called reliable. A retired scale takes no new answers.
    """

    __tablename__ = "own_scale"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80))
    lowest: Mapped[float]
    highest: Mapped[float]
    higher_is: Mapped[str] = mapped_column(String(8))
    bands: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    reliability: Mapped[float | None]
    spread: Mapped[float | None]
    source: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class QuestionnaireAnswer(Base):
    """A questionnaire that a patient answered on one day: its items, or its total alone.

    `scale`: the key of a published scale (clinic/questionnaires/published.py), or the id of an `OwnScale`, which
    `definition` then describes as it was that day, so that the answer can be read elsewhere too; NULL for a published
    one. `items`: the number given for each question, null for one without an answer; NULL where only the total is
    known. `total`: NULL where too much is missing.
    `how` it came in: ``"items"``, ``"total"``, ``"patient"`` or ``"csv"``.
    """

    __tablename__ = "questionnaire_answer"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("questionnaire_answer"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scale: Mapped[str] = mapped_column(String(32))
    definition: Mapped[dict[str, Any] | None]
    answered_on: Mapped[date]
    items: Mapped[list[int | None] | None] = mapped_column(JSON(none_as_null=True))
    total: Mapped[float | None]
    how: Mapped[str] = mapped_column(String(8))
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]


class QuestionnaireSchedule(Base):
    """How often a patient is to answer a questionnaire: every so many days, from `first_due` on."""

    __tablename__ = "questionnaire_schedule"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scale: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(80))
    every_days: Mapped[int]
    first_due: Mapped[date]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("patient_id", "scale"),)


class HandOver(Base):
    """The clinic's device in a patient's hands: one questionnaire, and a PIN that gives the device back.

    Of the token in the browser's cookie only the SHA-256 is kept. `account_id`: who handed it over, and is signed in
    again by the PIN. `items`: the answers so far, null for none. `done_at`: when the last question was left.
    `signed_in_at`: when the sign-in began that the PIN gives back; null where the account's sign-ins were ended since.
    """

    __tablename__ = "hand_over"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scale: Mapped[str] = mapped_column(String(32))
    items: Mapped[list[int | None]] = mapped_column(JSON(none_as_null=True))
    pin_hash: Mapped[str] = mapped_column(String(200))
    wrong_pins: Mapped[int] = mapped_column(default=0)
    by_provider: Mapped[bool] = mapped_column(default=False)
    signed_in_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
