"""Fields that users type for patients and recordings: names, codes, notes and days, checked in one place."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from clinic import clock, phrases, texts
from clinic.conflicts import Difference
from db.models import Recording
from fer_core.errors import FerError

NAME_MAX, NOTE_MAX, CODE_MAX = 200, 2000, 40
FIRST_BIRTH = date(1880, 1, 1)
CAMERA_AHEAD, FURTHEST_ZONE = timedelta(minutes=10), timedelta(hours=14)
"""How far a camera's clock may be ahead of this computer's, and the clinic's zone of UTC where none is chosen."""
EMPTY = "–"


@dataclass(frozen=True, slots=True)
class PatientFields:
    """The fields of a patient. `code`: the clinic's own number, or empty."""

    name: str
    note: str = ""
    code: str = ""
    born_on: date | None = None

    def differences(self, wanted: PatientFields) -> list[Difference]:
        """Return the fields in which `wanted` differs."""
        return _differing(
            Difference("Name", self.name, wanted.name),
            Difference("Code", self.code or EMPTY, wanted.code or EMPTY),
            Difference("Date of birth", _day(self.born_on), _day(wanted.born_on)),
            Difference("Note", self.note or EMPTY, wanted.note or EMPTY),
        )


@dataclass(frozen=True, slots=True)
class RecordingFields:
    """The fields of a recording: its day, its time of day if known, and a note."""

    recorded_on: date
    recorded_time: time | None = None
    note: str = ""

    def differences(self, wanted: RecordingFields) -> list[Difference]:
        """Return the fields in which `wanted` differs."""
        return _differing(
            Difference("Recorded on", _day(self.recorded_on), _day(wanted.recorded_on)),
            Difference("Time of day", _clock(self.recorded_time), _clock(wanted.recorded_time)),
            Difference("Note", self.note or EMPTY, wanted.note or EMPTY),
        )


def fields_of(recording: Recording) -> RecordingFields:
    """Return the fields of a stored recording."""
    return RecordingFields(recording.recorded_on, recording.recorded_time, recording.note)


def valid_patient(wanted: PatientFields, last_day: date) -> PatientFields:
    """Return a patient's fields in stored form. `last_day`: the latest day that it may be in the clinic.

    Raises FerError ``bad_name``, ``bad_note``, ``bad_code``, ``bad_birth``.
    """
    if wanted.born_on is not None and not FIRST_BIRTH <= wanted.born_on <= last_day:
        raise FerError(f"Please give a date of birth from {FIRST_BIRTH.year} to today, or none.", "bad_birth")
    return PatientFields(valid_name(wanted.name), valid_note(wanted.note), valid_code(wanted.code), wanted.born_on)


def valid_recording(
    wanted: RecordingFields,
    born_on: date | None,
    last_day: date,
    zone: tzinfo,
    stored: tuple[date, time | None] | None = None,
) -> RecordingFields:
    """Return a recording's fields in stored form. `stored`: its day and time so far, which are not judged again.

    A stored time with seconds, as earlier versions kept them, stays as long as its minute does: pages show minutes.

    Raises FerError ``bad_note``, ``bad_day``, ``bad_time``.
    """
    minute = _minute(wanted.recorded_time)
    if stored is not None and (wanted.recorded_on, minute) == (stored[0], _minute(stored[1])):
        return RecordingFields(*stored, valid_note(wanted.note))
    objection = day_objection(wanted.recorded_on, born_on, last_day)
    objection = objection or time_objection(wanted.recorded_on, minute, zone)
    if objection is not None:
        raise objection
    return RecordingFields(wanted.recorded_on, minute, valid_note(wanted.note))


def _minute(at: time | None) -> time | None:
    return at.replace(second=0, microsecond=0, tzinfo=None) if at is not None else None


def day_objection(day: date | None, born_on: date | None, last_day: date) -> FerError | None:
    """Return why no recording of a patient can be of this day: it is before birth, or 1990, or after today."""
    if day is not None and (born_on or clock.FIRST_DAY) <= day <= last_day:
        return None
    since = clock.first_day_in_words(born_on)
    return FerError(f"Please give the day of the recording: a day from {since} to today.", "bad_day")


def time_objection(day: date | None, at: time | None, zone: tzinfo) -> FerError | None:
    """Return why no recording can be of this time: that day the clinic's clocks left it out, or it is still to come.

    `zone`: the clinic's, or UTC itself until one is chosen.
    """
    if day is None or at is None:
        return None
    ahead = datetime.combine(day, at, zone) - clock.now()
    if ahead > (FURTHEST_ZONE if zone is UTC else CAMERA_AHEAD):
        return FerError(f"{at:%H:%M} of {phrases.day(day)} is still to come. Please correct the time.", "bad_time")
    if clock.exists(day, at, zone):
        return None
    said = f"There was no {at:%H:%M} on {phrases.day(day)}: the clocks went forward then. Please correct the time."
    return FerError(said, "bad_time")


def twice(day: date | None, at: time | None, zone: tzinfo) -> str | None:
    """Return what is to be known of a time that came twice on that day, None for any other."""
    if day is None or at is None or not clock.comes_twice(day, at, zone):
        return None
    return (
        f"{at:%H:%M} came twice on {phrases.day(day)}, when the clocks went back: the first one is meant, summer time."
    )


def valid_name(name: str) -> str:
    """Return a name as it is kept. Raises FerError ``bad_name`` for one with something hidden in it."""
    refusal = FerError(f"Please give a name or code of 1 to {NAME_MAX} characters, on one line.", "bad_name")
    return texts.kept_line(name, NAME_MAX, refusal, least=1)


def valid_code(code: str) -> str:
    """Return a patient's code as it is kept; empty where there is none. Raises FerError ``bad_code``."""
    refusal = FerError(f"Please keep the code under {CODE_MAX} characters, on one line.", "bad_code")
    return texts.kept_line(code, CODE_MAX, refusal)


def valid_note(note: str) -> str:
    """Return a note as it is kept. Raises FerError ``bad_note``."""
    refusal = FerError(f"Please keep the note under {NOTE_MAX} characters of plain text.", "bad_note")
    try:
        note = texts.lines(note)
    except ValueError:
        raise refusal from None
    if len(note) > NOTE_MAX:
        raise refusal
    return note


def names_of(patient: phrases.Person, others: Iterable[phrases.Person]) -> tuple[str, ...]:
    """Return what this patient is called and none of `others` is: name and code, or else the short id."""
    taken = {_plain(text) for other in others if other.id != patient.id for text in (other.name, other.code)}
    own = tuple(text for text in (patient.name, patient.code) if text and _plain(text) not in taken)
    return own or (phrases.short_id(patient.id),)


def is_one_of(typed: str, names: Collection[str]) -> bool:
    """Return whether somebody typed one of these names, whatever the case and the spaces."""
    wanted = _plain(typed)
    return bool(wanted) and wanted in map(_plain, names)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _differing(*found: Difference) -> list[Difference]:
    return [one for one in found if one.stored != one.wanted]


def _day(value: date | None) -> str:
    return phrases.day(value) if value is not None else EMPTY


def _clock(value: time | None) -> str:
    return f"{value:%H:%M}" if value is not None else EMPTY
