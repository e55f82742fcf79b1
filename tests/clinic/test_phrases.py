"""Days and counts in sentences."""

from datetime import date

import pytest

from clinic.phrases import counted, day, usable_percent


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
