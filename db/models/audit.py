"""The audit's rows, which nobody can change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class AuditRow(Base):
    """One action, chained to the one before by its hash (clinic/audit.py); the database refuses to change or delete it.

    Ids only and no references: the row stays when its subject is erased, and then names nobody.
    """

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column("deed", String(32), index=True)
    account_id: Mapped[str | None] = mapped_column(String(32))
    patient_id: Mapped[str | None] = mapped_column(String(32), index=True)
    recording_id: Mapped[str | None] = mapped_column(String(32))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    previous: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class AuditText(Base):
    """Text that a user typed for an action: it is deleted with the patient, the chain keeps its salted hash."""

    __tablename__ = "audit_text"

    number: Mapped[int] = mapped_column(ForeignKey("audit.number"), primary_key=True, autoincrement=False)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    salt: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
