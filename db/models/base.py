"""The base of every table: ids, numbers, instants in UTC, and the names of constraints."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Enum, MetaData, ScalarSelect, TypeDecorator, column, func, select, table
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

from db.models.enums import ConditionKind, EventKind, JobState, RecordingKind, Role, Scope


def new_id() -> str:
    """Return a random 128-bit id as 32 hexadecimal digits: it names nobody, so it may stand in a URL or a log."""
    return uuid.uuid4().hex


def next_number(of: str) -> ScalarSelect[int]:
    """Return the next number of a table's rows, in the order in which they were written.

    Instants do not say that order: a clock may be set back. Writers hold the only write lock (`db.engine.Database`).
    """
    return select(func.coalesce(func.max(column("number")), 0) + 1).select_from(table(of)).scalar_subquery()


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. Refuses a datetime without a zone; SQLite, which keeps none, gets it back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn an aware datetime into UTC. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone is no moment")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text_of(kind: type[StrEnum], length: int = 16) -> Enum:
    """Return the type of a column that holds an enum's values as text; reading another text raises LookupError."""
    return Enum(
        kind, native_enum=False, length=length, values_callable=lambda members: [member.value for member in members]
    )


class Base(DeclarativeBase):
    """The declarative base; constraint names are fixed, so that a migration can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON(none_as_null=True),
        ConditionKind: _text_of(ConditionKind, 24),
        EventKind: _text_of(EventKind),
        JobState: _text_of(JobState),
        RecordingKind: _text_of(RecordingKind),
        Role: _text_of(Role),
        Scope: _text_of(Scope),
    }
