"""What an administrator set for the whole clinic."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class Installation(Base):
    """What an administrator set for the whole clinic: one row.

    `zone`: the clinic's time zone, such as ``Europe/Berlin``, NULL before one is known; `zone_confirmed`: whether a
    person chose it. `clock_jump_s`: by how many seconds the clock was last set forward, or back (below 0), NULL where
    an administrator has seen it; `clock_jumped_at`: when, by the new clock. `swept_at`: when retention last looked for
    what is to be deleted, NULL before the first time; `ran_until`: up to which of these times there was no long pause
    between them. `key_id`: the fingerprint of the master key (32 hexadecimal
    digits), which reveals nothing of it; NULL before the first start with a key. `clinic_id`: a random id, which also
    stands in the clinic's key folder (clinic/admin/key_folder.py); NULL before the first start with it.
    """

    __tablename__ = "installation"
    ONLY: ClassVar[int] = 1

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    zone: Mapped[str | None] = mapped_column(String(64))
    zone_confirmed: Mapped[bool] = mapped_column(default=False)
    clock_jump_s: Mapped[float | None]
    clock_jumped_at: Mapped[datetime | None]
    swept_at: Mapped[datetime | None]
    ran_until: Mapped[datetime | None]
    key_id: Mapped[str | None] = mapped_column(String(32))
    clinic_id: Mapped[str | None] = mapped_column(String(32))
