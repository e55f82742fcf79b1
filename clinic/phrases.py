"""Days and counts as they stand in sentences: one way to write each, on every page and in every refusal."""

from __future__ import annotations

from datetime import date


def day(value: date | None) -> str:
    """Return a date as people read it everywhere, such as ``21 Nov 2026``; a dash for none."""
    return f"{value.day} {value:%b %Y}" if value is not None else "–"


def counted(count: float, one: str, many: str | None = None) -> str:
    """Return a whole number with what is counted, such as ``1 sample``; `many`: the plural, by default with an s."""
    number = round(count)
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
