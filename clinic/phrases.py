"""Days, counts and patients' names in sentences: one way to write each, on every page."""

from __future__ import annotations

from datetime import date
from typing import Protocol

SHORT_ID = 6
"""At least so many characters of an id are shown where nothing else distinguishes two options."""


class Person(Protocol):
    """What identifies a patient."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def born_on(self) -> date | None: ...


def day(value: date | None) -> str:
    """Return a date as people read it everywhere, such as ``21 Nov 2026``; a dash for none."""
    return f"{value.day} {value:%b %Y}" if value is not None else "–"


def counted(count: float, one: str, many: str | None = None) -> str:
    """Return a whole number with what is counted, such as ``1 sample``; `many`: the plural, by default with an s."""
    number = round(count)
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def identity_text(patient: Person) -> str:
    """Return what distinguishes patients of the same name: code, date of birth, and always a short id."""
    parts = [patient.code, f"born {day(patient.born_on)}" if patient.born_on is not None else ""]
    return " · ".join([part for part in parts if part] + [f"ID {short_id(patient.id)}"])


def short_id(patient_id: str) -> str:
    """Return the beginning of an id, as it is shown."""
    return patient_id[:SHORT_ID]
