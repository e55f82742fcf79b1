"""Where recordings stand within their day on an axis of time: at their own time, and none upon another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from itertools import groupby
from typing import Protocol

DAY_MIN = 24 * 60.0


class Timed(Protocol):
    """What is of a day and may have a time of day."""

    @property
    def recorded_on(self) -> date: ...
    @property
    def recorded_time(self) -> time | None: ...


def minutes(visits: Sequence[Timed]) -> list[float]:
    """Return, of recordings in order of time, the minute of its day at which each is drawn (0 to 1,440).

    Those without a time come last in their day. Where several would stand at one place they are spread over what is
    left of the day until the next one, so that none hides another and none stands on another day.
    """
    return [at for _, of_day in groupby(visits, lambda one: one.recorded_on) for at in _of_day(of_day)]


def _of_day(visits: Iterable[Timed]) -> Iterator[float]:
    places: list[tuple[float, int]] = []
    for one in visits:
        at = _minute(one, places[-1][0] if places else 0.0)
        if places and places[-1][0] == at:
            places[-1] = (at, places[-1][1] + 1)
        else:
            places.append((at, 1))
    ends = [*(at for at, _ in places[1:]), DAY_MIN]
    for (at, count), end in zip(places, ends, strict=True):
        yield from (at + (end - at) * number / count for number in range(count))


def _minute(one: Timed, otherwise: float) -> float:
    known = one.recorded_time
    return known.hour * 60.0 + known.minute if known is not None else otherwise
