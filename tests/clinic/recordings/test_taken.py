"""Names of phones and containers' times are read as the day and time of a recording."""

from datetime import UTC, date, time
from zoneinfo import ZoneInfo

import pytest

from clinic.recordings.taken import Taken, suggestion

TODAY = date(2026, 11, 25)
DAY, TIME = date(2026, 4, 5), time(1, 2, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("VID_20260405_010203.mp4", Taken(DAY, TIME)),
        ("IMG_20260405_010203.jpg", Taken(DAY, TIME)),
        ("20260405_010203.mp4", Taken(DAY, TIME)),
        ("PXL_20260405_010203456.mp4", Taken(DAY, time(3, 2, 3))),
        ("PXL_20260405_230203456.LS.mp4", Taken(date(2026, 4, 6), time(1, 2, 3))),
        ("IMG-20260405-WA0001.jpg", Taken(DAY)),
        ("VID-20260405-WA0012.mp4", Taken(DAY)),
        ("WhatsApp Video 2026-04-05 at 01.02.03.mp4", Taken(DAY, TIME)),
        ("signal-2026-04-05-01-02-03.mp4", Taken(DAY, TIME)),
        ("signal-2026-04-05-010203.mp4", Taken(DAY, TIME)),
        ("2026-04-05T01:02:03.mkv", Taken(DAY, TIME)),
        ("2026-04-04T23:02:03Z.mkv", Taken(DAY, TIME)),
        ("Session 2026-04-05.mp4", Taken(DAY)),
        ("2026_04_05.mp4", Taken(DAY)),
        ("2026.04.05 second.mp4", Taken(DAY)),
        ("20260404T230203Z.mp4", Taken(DAY, TIME)),
        ("2026-04-04T23-02-03Z.mp4", Taken(DAY, TIME)),
        ("LIVE_20260404_230203.webm", Taken(DAY, TIME)),
        ("99999999_20260405_010203.mp4", Taken(DAY, TIME)),
        ("20269905 then 20260405.mp4", Taken(DAY)),
        ("VID_20260405_996199.mp4", None),
        ("20991231_010203.mp4", None),
        ("19691231_010203.mp4", None),
        ("IMG_0001.jpg", None),
        ("120260405.mp4", None),
        ("2026-04_05.mp4", None),
        ("", None),
    ],
)
def test_a_name_says_when(name, expected):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) == expected


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2026-04-04T23:02:03.000000Z", Taken(DAY, TIME)),
        ("2026-04-05T01:02:03+0200", Taken(DAY, TIME)),
        ("2026-04-05T01:02:03", Taken(DAY, TIME)),
        ("1904-01-01T00:00:00.000000Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2030-01-01T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_container_says_when(created, expected):
    assert suggestion("visit.mp4", created, ZoneInfo("Europe/Berlin"), TODAY) == expected


def test_the_name_counts_before_the_container():
    assert suggestion("2026-04-05.mp4", "2026-04-07T12:00:00Z", UTC, TODAY) == Taken(DAY)


def test_a_time_that_the_day_did_not_have_in_the_clinic_is_not_suggested():
    berlin = ZoneInfo("Europe/Berlin")
    assert suggestion("VID_20260329_023000.mp4", None, berlin, TODAY) == Taken(date(2026, 3, 29))
    assert suggestion("VID_20260329_023000.mp4", None, UTC, TODAY) == Taken(date(2026, 3, 29), time(2, 30))
