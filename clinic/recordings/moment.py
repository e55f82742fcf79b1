"""When a recording was made, as its files say it: a day, perhaps a time, and why a time was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, time, tzinfo

from clinic import words
from clinic.patients import fields


@dataclass(frozen=True, slots=True)
class Taken:
    """The day of a recording in the clinic's zone, and the time of day where it is known.

    `guessed`: neither name nor container says the day. `left_out`: why the time that the file says is not taken, a
    sentence; empty where it says none or it is taken. `inside`: the day that is written in the
    file, where its name says another one.
    """

    day: date
    time: time | None = None
    guessed: bool = False
    left_out: str = ""
    inside: date | None = None


def past(found: Taken, zone: tzinfo) -> Taken:
    """Return when a file was recorded without a time that is still to come: it is that of a clock that is wrong."""
    if found.time is None or fields.time_objection(found.day, found.time, zone) is None:
        return found
    return replace(found, time=None, left_out=words.TIME_TO_COME.format(time=found.time))


def earliest(found: Sequence[Taken]) -> Taken:
    """Return the day of several files of one day, with the earliest time that they say."""
    times = [one.time for one in found if one.time is not None]
    left_out = next((one.left_out for one in found if one.left_out), "") if not times else ""
    inside = next((one.inside for one in found if one.inside is not None), None)
    return Taken(found[0].day, min(times, default=None), any(one.guessed for one in found), left_out, inside)
