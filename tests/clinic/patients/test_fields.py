"""What has to be typed before a patient's data are deleted names that patient and nobody else."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from clinic import clock
from clinic.patients.fields import is_one_of, names_of, time_objection


@dataclass(frozen=True)
class Person:
    name: str
    code: str = ""
    id: str = "a1b2c3d4"
    born_on: date | None = None


ANNA = Person("Anna Twin", "T-1")


@pytest.mark.parametrize(
    ("others", "names"),
    [
        ([], ("Anna Twin", "T-1")),
        ([ANNA], ("Anna Twin", "T-1")),
        ([Person("Berta", "T-2", "ffff")], ("Anna Twin", "T-1")),
        ([Person("anna  TWIN", "T-2", "ffff")], ("T-1",)),
        ([Person("Berta", "t-1", "ffff")], ("Anna Twin",)),
        ([Person("T-1", "", "ffff"), Person("Anna Twin", "", "eeee")], ("a1b2c3",)),
    ],
)
def test_a_name_that_somebody_else_has_too_does_not_count(others, names):
    assert names_of(ANNA, others) == names


def test_a_person_without_a_code_whose_name_is_shared_goes_by_the_id():
    assert names_of(Person("Anna Twin"), [Person("Anna Twin", "", "ffff")]) == ("a1b2c3",)


@pytest.mark.parametrize(("typed", "counts"), [(" anna  TWIN ", True), ("t-1", True), ("Anna", False), ("", False)])
def test_case_and_spaces_make_no_difference(typed, counts):
    assert is_one_of(typed, names_of(ANNA, [])) is counts


@pytest.mark.parametrize(
    ("zone", "at", "refused"),
    [
        (ZoneInfo("Europe/Berlin"), time(15, 51), False),
        (ZoneInfo("Europe/Berlin"), time(16, 1), False),
        (ZoneInfo("Europe/Berlin"), time(17, 52), True),
        (ZoneInfo("UTC"), time(15, 51), True),
        # Until a zone is chosen it may be later than in UTC.
        (UTC, time(17, 52), False),
    ],
)
def test_a_time_that_is_still_to_come_is_none_of_a_recording(monkeypatch, zone, at, refused):
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 26, 14, 51, tzinfo=UTC))
    found = time_objection(date(2026, 11, 26), at, zone)
    assert (found is not None and "is still to come" in found.message) is refused
