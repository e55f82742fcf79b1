"""Days and counts in sentences."""

from datetime import date

import pytest

from clinic.phrases import counted, day, unusable_percents, usable_percent


def test_a_day_is_written_in_one_way():
    assert (day(date(2026, 5, 4)), day(None)) == ("4 May 2026", "–")


@pytest.mark.parametrize(
    ("count", "reported"),
    [(0, "0 samples"), (1, "1 sample"), (1.2, "1 sample"), (1.6, "2 samples"), (1200, "1,200 samples")],
)
def test_one_is_not_several(count, reported):
    assert counted(count, "sample") == reported


def test_a_plural_of_its_own():
    assert (counted(1, "analysis", "analyses"), counted(2, "analysis", "analyses")) == ("1 analysis", "2 analyses")


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.4983, "49 %"),
        (0.5, "50 %"),
        (0.29, "29 %"),
        (3 / 7, "43 %"),
        (0.7999, "79 %"),
        (0.999, "99 %"),
        (0.00, "0 %"),
        (1.0, "100 %"),
        (None, "–"),
    ],
)
def test_just_under_a_limit_is_not_shown_as_the_limit(share, shown):
    """A recording that doesn't count, for a usable face in less than 50 %, had one "in 50 %"."""
    assert usable_percent(share) == shown


@pytest.mark.parametrize(
    ("usable", "reasons", "shown"),
    [
        (0.496, {"no face": 0.504}, {"no face": "51 %"}),
        (0.997, {"no face": 0.003}, {"no face": "1 %"}),
        (3 / 7, {"no face": 3 / 7, "small": 1 / 7}, {"no face": "43 %", "small": "14 %"}),
        (0.85, {"a": 0.075, "b": 0.072, "c": 0.003}, {"a": "8 %", "b": "7 %", "c": "under 1 %"}),
        (1.0, {"a": 0.0}, {}),
        (0.0, {"a": 1.0}, {"a": "100 %"}),
    ],
)
def test_usable_time_and_what_could_not_be_read_make_the_whole(usable, reasons, shown):
    """49 % of a recording could be read, "otherwise: no face found 50 %"; and a reason that had been was "0 %"."""
    assert unusable_percents(usable, reasons) == shown
