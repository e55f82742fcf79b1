"""Days, counts, patients and recordings as they stand in sentences: one way to write each, on screens and paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Protocol, TypeVar

from db.models import RecordingKind

SHORT_ID = 6
"""At least so many characters of an id are shown where nothing else distinguishes two options."""

Reason = TypeVar("Reason", bound=str)


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


class Visit(Protocol):
    """What identifies a recording."""

    @property
    def kind(self) -> str: ...
    @property
    def recorded_on(self) -> date: ...
    @property
    def recorded_time(self) -> time | None: ...
    @property
    def visit_number(self) -> int: ...


NO_TIME = "its time of day is not known, so it is taken for the last of its day"


def visit(recording: Visit) -> str:
    """Return what a recording is called everywhere: day, time of day, kind, and its number, which no other one has."""
    kind = "Video" if recording.kind == RecordingKind.VIDEO else "Pictures"
    return f"{moment(recording.recorded_on, recording.recorded_time)} · {kind} · no. {recording.visit_number}"


def moment(on: date, at: time | None) -> str:
    """Return a day with the time of day where that is known, such as ``21 Nov 2026, 14:05``."""
    return f"{day(on)}, {at:%H:%M}" if at is not None else day(on)


def day(value: date | None) -> str:
    """Return a date as people read it everywhere, such as ``21 Nov 2026``; a dash for none."""
    return f"{value.day} {value:%b %Y}" if value is not None else "–"


def counted(count: float, one: str, many: str | None = None) -> str:
    """Return a whole number with what is counted, such as ``1 sample``; `many`: the plural, by default with an s."""
    number = round(count)
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def percent(share: float | None) -> str:
    """Return a share (0 to 1) in whole percent; a dash for none."""
    return f"{share:.0%}".replace("%", " %") if share is not None else "–"


def exact_percent(share: float) -> str:
    """Return a share (0 to 1) in percent with one digit after the point."""
    return f"{share * 100:.1f} %"


def percent_range(shares: tuple[float, float]) -> str:
    """Return an interval of shares (0 to 1) in percent."""
    return f"{shares[0] * 100:.1f} to {shares[1] * 100:.1f} %"


def estimated(share: float | None, low: float | None, high: float | None) -> str:
    """Return a share with its 95 % interval, such as ``31 % (24 % to 39 %)``; without one, the share alone."""
    return f"{percent(share)}{interval(low, high)}"


def interval(low: float | None, high: float | None) -> str:
    """Return the 95 % interval as it stands after its share; nothing where it isn't known."""
    return f" ({percent(low)} to {percent(high)})" if low is not None and high is not None else ""


def whole_usable_percent(share: float) -> int:
    """Return a share (0 to 1) of usable time in whole percent; what is just under a limit is not shown as the limit.

    Each limit is a whole ten: 50, 80 and 100 %.
    """
    rounded = round(share * 100)
    return rounded - 1 if rounded % 10 == 0 and share * 100 < rounded - 1e-9 else rounded


def usable_percent(share: float | None) -> str:
    """Return what `whole_usable_percent` gives with its sign; a dash for none."""
    return f"{whole_usable_percent(share)} %" if share is not None else "–"


def unusable_percents(usable: float, reasons: Mapping[Reason, float]) -> dict[Reason, str]:
    """Return the share (0 to 1) of each reason in whole percent, so that with `whole_usable_percent` they make 100.

    A reason that would be 0 % is ``under 1 %``, and one of 0 is left out.
    """
    shares = {reason: share * 100 + 1e-9 for reason, share in reasons.items() if share > 0}
    whole = {reason: int(share) for reason, share in shares.items()}
    missing = max(0, 100 - whole_usable_percent(usable) - sum(whole.values()))
    for reason in sorted(shares, key=lambda one: whole[one] - shares[one])[:missing]:
        whole[reason] += 1
    return {reason: f"{number} %" if number else "under 1 %" for reason, number in whole.items()}


def all_of(words: Sequence[str]) -> str:
    """Return words as one part of a sentence, such as ``name, code and date of birth``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def identity_text(patient: Person) -> str:
    """Return what distinguishes patients of the same name: code, date of birth, and always a short id."""
    parts = [patient.code, f"born {day(patient.born_on)}" if patient.born_on is not None else ""]
    return " · ".join([part for part in parts if part] + [f"ID {short_id(patient.id)}"])


def named(patient: Person) -> str:
    """Return a patient's name with what no other patient shares, for lists outside the pages."""
    return f"{patient.name} · {identity_text(patient)}"


def short_id(patient_id: str) -> str:
    """Return the beginning of an id, as it is shown."""
    return patient_id[:SHORT_ID]
