"""Recordings of one day stand at their own times, none upon another and none on another day."""

from dataclasses import dataclass
from datetime import date, time

import pytest

from clinic.patients.within_day import minutes


@dataclass(frozen=True)
class Recorded:
    day: int
    recorded_time: time | None = None

    @property
    def recorded_on(self):
        return date(2026, 3, self.day)


@pytest.mark.parametrize(
    ("times", "hours"),
    [
        ([None], [0]),
        ([time(9)], [9]),
        ([time(9), time(18, 30)], [9, 18.5]),
        # Without a time they are spread over the day, after those with one; the same minute is spread up to the next.
        ([None, None, None], [0, 8, 16]),
        ([time(12), None], [12, 18]),
        ([time(9), time(9), time(10)], [9, 9.5, 10]),
        ([time(23), time(23)], [23, 23.5]),
    ],
)
def test_each_stands_at_its_own_time_and_on_its_own_day(times, hours):
    of_day = [Recorded(10, at) for at in times]
    assert [at / 60 for at in minutes(of_day)] == hours
    assert [at / 60 for at in minutes([Recorded(1), *of_day, Recorded(28, time(7))])] == [0, *hours, 7]
