"""Names of phones and containers' times are read as the day and time of a recording."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from clinic import clock, words
from clinic.recordings.moment import Taken, past
from clinic.recordings.taken import names_a_day, suggestion

TODAY = date(2026, 11, 25)
DAY, TIME = date(2026, 4, 5), time(1, 2, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("VID_20260405_010203.mp4", Taken(DAY, TIME)),
        ("IMG_20260405_010203.jpg", Taken(DAY, TIME)),
        ("IMG_20260405_010203_HDR.jpg", Taken(DAY, TIME)),
        ("WIN_20260405_01_02_03_Pro.mp4", Taken(DAY, TIME)),
        ("IMG_20260405_010203_BURST001.jpg", Taken(DAY, TIME)),
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


NEXT = Taken(date(2026, 11, 1), time(0, 30))
"""In Berlin, half past eleven in the evening of the day before in UTC."""


@pytest.mark.parametrize(
    "name",
    [
        "2026-10-31T23-30-00.000Z.mp4",
        "2026-10-31T23-30-00-000Z.webm",
        "2026-10-31T23_30_00_000Z.webm",
        "2026-10-31T23.30.00.123456Z.webm",
        "20261031T233000z.mp4",
        "20261031T2330Z.mp4",
        "2026-10-31T23:30Z.mp4",
        "GMT20261031-233000_Recording_1920x1080.mp4",
        "20261031_233000_UTC.mp4",
        "20261031-233000UTC.mp4",
        "2026-10-31 23.30.00 (UTC).mp4",
        "2026-10-31 11.30.00 PM UTC.mp4",
        "20261031_233000[UTC].mp4",
        "2026-10-31T23-30-00Z (2).mp4",
        "Copy of LIVE_20261031_233000.webm",
        "1_PXL_20261031_233000123~2.mp4",
        "20261031T153000-0800.mp4",
        "2026-11-01T08:30:00+09:00.mp4",
        "2026-11-01 08-30-00 +0900.mp4",
        "2026-11-01T08-30-00+09-00.mp4",
        "2026-11-01 00.30.00 UTC+1.mp4",
    ],
)
def test_a_name_with_its_zone_is_turned_into_the_clinic_s(name):
    """These were taken for the clinic's time of day, and so were put on another day."""
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) == NEXT


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("Screen Recording 2026-11-03 at 11.05.00 PM.mov", time(23, 5)),
        ("Screen Recording 2026-11-03 at 9.05.00\u202fAM.mov", time(9, 5)),
        ("WhatsApp Video 2026-11-03 at 12.05.00 AM.mp4", time(0, 5)),
        ("WhatsApp Video 2026-11-03 at 12.05.00 p.m..mp4", time(12, 5)),
        ("VID20261103101500.mp4", time(10, 15)),
        ("OLIVE_20261103_101500.mp4", time(10, 15)),
        ("live_20261103_101500.mp4", time(10, 15)),
        ("OBS live 2026-11-03 10-15-00.mkv", time(10, 15)),
        ("Besuch 3.11.2026 10.15.00.mp4", time(10, 15)),
        # What follows is the number of a copy or of a series.
        ("20261103_101500(0).mp4", time(10, 15)),
        ("20261103_101500_2.mp4", time(10, 15)),
        ("2026-11-03 10.15.00 (2).mp4", time(10, 15)),
        ("20261103_1015.mp4", None),
        # Zoom's name of a shortened recording: the time with its zone counts.
        ("GMT20261103-091500_Recording.cutfile.20261103093000_1920x1080.mp4", time(10, 15)),
    ],
)
def test_a_time_of_day_is_taken_where_it_is_clear(name, at):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) == Taken(date(2026, 11, 3), at)


UNSURE = [
    "Anna - 2026_10_31 16_30 PDT - Recording.mp4",
    "Anna (2026-10-31 at 16_30 GMT-7).mp4",
    "2026-10-31 16-30-00 PDT.mp4",
    "2026-10-31 23.30.00 est.mp4",
    "2026-10-31 23.30.00 [Sommerzeit].mp4",
    "2026-10-31T20-30-00[America-Sao_Paulo].mp4",
    "20261031T193000-04.mp4",
    "20261031_163000-7.mp4",
    "20261031_163000-0700.mp4",
    "2026-10-31_23-30-00_Z-7.mp4",
    "2026-10-31 23-30-00+2 Kinder.mp4",
    "20261031_233000+8.mp4",
    "2026-10-31 10.00.00 GMT 12.mp4",
    "WhatsApp Video 2026-10-31 at 11.30.00 p. m..mp4",
    "WhatsApp Video 2026-10-31 at 11.30.00 下午.mp4",
    "WhatsApp Video 2026-10-31 at 11.30.00 م.mp4",
    "2026-10-31 12.10.00 am Mittag.mp4",
    "2026-10-31 4 PM PDT.mp4",
    "2026-10-31 Anna 4PM PDT.mp4",
    "4PM PDT 2026-10-31.mp4",
    "2026-10-31 Anna 163000 PDT.mp4",
    "2026-10-31 um 16.30.00 PDT.mp4",
    "31.10.2026 16.30 PDT.mp4",
    "PDT_20261031_163000.mp4",
    # Days in forms that aren't read.
    "Anna 31 Oct 2026.mp4",
    "October 31 2026 at 11.30 PM.mp4",
    "31. Oktober 26.mp4",
    "31 de octubre de 2026.mp4",
    "31st of October 2026.mp4",
    "ID31102026.mp4",
    "2026年10月31日.mp4",
    "2026 10 31.mp4",
    "31.10.26.mp4",
    "261031_233000.mp4",
    "31102026.mp4",
]


@pytest.mark.parametrize("name", UNSURE)
def test_where_the_zone_or_the_form_is_not_understood_the_day_is_not_sure_either(name):
    """The time was dropped and the day kept: that of Los Angeles, say, where it was the next one in the clinic."""
    berlin = ZoneInfo("Europe/Berlin")
    assert suggestion(name, None, berlin, TODAY) is None
    assert names_a_day(name), "so that no day is guessed against it"
    # A container of another day may be that of an edit.
    assert suggestion(name, "2026-11-20T10:00:00Z", berlin, TODAY) is None


@pytest.mark.parametrize("name", [name for name in UNSURE if " um " not in name])
def test_where_the_name_is_not_sure_a_container_that_agrees_counts(name):
    assert suggestion(name, "2026-10-31T23:30:00Z", ZoneInfo("Europe/Berlin"), TODAY) == NEXT


RUN = Taken(DAY, time(15, 30))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # One run of digits: cameras of rooms, scanners and programs that name a file by the minute.
        *(("202604051530.mp4", RUN), ("cam1_202604051530.mp4", RUN), ("VID202604051530.mp4", RUN)),
        *(("202604051530(1).mp4", RUN), ("202604052015.mp4", Taken(DAY, time(20, 15)))),
        ("202604051330Z.mp4", RUN),
        ("2026040523.mp4", Taken(DAY)),
        # Google's camera in a burst, KakaoTalk, recorders of rooms.
        ("00000IMG_00000_BURST20260405153059123_COVER.jpg", Taken(DAY, time(15, 30, 59))),
        ("ch01_20260405153059123.mp4", Taken(DAY, time(15, 30, 59))),
        ("KakaoTalk_20260405_153059123.mp4", Taken(DAY, time(15, 30, 59))),
        ("QQ视频20260405153059.mp4", Taken(DAY, time(15, 30, 59))),
        # Counted since 1970: WeChat, Facebook, LINE, the screen recorder of iOS.
        *((f"{name}1775350923000.mp4", Taken(DAY, time(3, 2, 3))) for name in ("mmexport", "FB_VID_", "LINE_MOVIE_")),
        *((f"{name}1775350923000.jpg", Taken(DAY, time(3, 2, 3))) for name in ("wx_camera_", "microMsg.", "FB_IMG_")),
        ("mmexport1775350923000(1).mp4", Taken(DAY, time(3, 2, 3))),
        ("mmexport1775336400000.mp4", Taken(date(2026, 4, 4), time(23))),
        ("RPReplay_Final1775350923.mov", Taken(DAY, time(3, 2, 3))),
    ],
)
def test_a_run_of_digits_that_is_one_moment_is_read(name, expected):
    """These were taken for today, without a word."""
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) == expected
    assert names_a_day(name)


LONG_RUNS = [
    # No such time or day, other orders, the number of a file behind the day.
    *("202604059999.mp4", "2026040599.mp4", "20260405240000.mp4", "2026-04-051530.mp4"),
    *("05042026153059.mp4", "050420261530.mp4", "260405153059.mp4", "2604051530.mp4", "XRecorder_05042026_153059.mp4"),
    *("20260405001.mp4", "S2026040500001.mp4", "2026040515305912.mp4", "120260405.mp4", "202604051530_PDT.mp4"),
    # Two moments: 2012-04-05 15:30 and 2020-12-04 05:15:30.
    *("201204051530.mp4", "2012040523.mp4"),
    # A birth with a person's number, as they are written in Sweden.
    *("199302031530.mp4", "1993020315.mp4"),
    # Numbers that may count since 1970, or be that of an identity card: of Romania (born 1975-04-05), of Thailand.
    *("1775350923000.mp4", "video_1775350923.mp4", "1775350923000123.mp4", "1750405123456.mp4", "1669900123456.mp4"),
]


@pytest.mark.parametrize("name", LONG_RUNS)
def test_a_run_of_digits_that_may_be_a_moment_or_something_else_is_asked_about(name):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) is None
    assert names_a_day(name)
    assert suggestion(name, "2026-11-20T10:00:00Z", ZoneInfo("Europe/Berlin"), TODAY) is None


@pytest.mark.parametrize(
    "name",
    ["202602301530.mp4", "202704051530.mp4", "mmexport1975350923000.mp4", "256904051530.mp4", "25690405153059.mp4"],
)
def test_a_run_of_no_day_or_one_to_come_or_of_another_calendar_is_not_taken_for_today(name):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) is None
    assert names_a_day(name)


@pytest.mark.parametrize("name", ["1775350923000.mp4", "video_1775350923.mp4", "05042026153059.mp4", "2604051530.mp4"])
def test_a_container_that_agrees_with_a_run_of_digits_counts(name):
    found = suggestion(name, "2026-04-05T01:02:03Z", ZoneInfo("Europe/Berlin"), TODAY)
    assert found == Taken(DAY, time(3, 2, 3))


def test_an_old_run_is_a_recording_where_the_birth_is_known_to_be_another_day():
    born_on = date(1980, 1, 1)
    assert suggestion("201502031530.mp4", None, UTC, TODAY, born_on) == Taken(date(2015, 2, 3), time(15, 30))
    assert suggestion("201502031530.mp4", None, UTC, TODAY) is None
    assert suggestion("199302031530.mp4", None, UTC, TODAY, date(1993, 2, 3)) is None


@pytest.mark.parametrize(
    "name",
    [
        *("IMG_123456789.jpg", "000123456789.mp4", "4857773456.mp4", "1234567890.mp4", "1000234567 Anna.mp4"),
        *("received_1234567890123456.mp4", "snaptik_7123456789012345678.mp4", "99991231235959.mp4"),
        "1.2.840.113619.2.55.3.604688119.971.1234567890.123.mp4",
    ],
)
def test_numbers_of_people_and_things_are_no_moments(name):
    assert not names_a_day(name)
    assert suggestion(name, "2026-11-20T10:00:00Z", UTC, TODAY) == Taken(date(2026, 11, 20), time(10))


PARTS = [
    *("2026-W45-3.mp4", "2026W45.mp4", "Anna KW45 2026.mp4", "2026-307.mp4", "2026307.mp4", "2026-11.mp4"),
    *("Nov 2026.mp4", "Q4 2026.mp4", "31.10.mp4", "Anna 10-31.mp4", "31 Oct.mp4", "Oct31.mp4", "31 octobre.mp4"),
    *("Anna am 3. November.mp4", "3 de noviembre.mp4", "3 ottobre Anna.mp4", "5787-02-21.mp4", "115-11-03.mp4"),
]
"""Days without a year, weeks, months, numbers of a year's days, years of other calendars."""


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_a_day_is_no_day_and_none_is_guessed_against_it(name):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) is None
    assert names_a_day(name)


@pytest.mark.parametrize(
    ("name", "agrees"),
    [
        *(("31.10.mp4", True), ("1. November.mp4", True), ("2026-W44-6.mp4", True), ("2026-304.mp4", True)),
        *(("30.09.mp4", False), ("3. November.mp4", False), ("2026-W47-3.mp4", False), ("2025-304.mp4", False)),
    ],
)
def test_a_container_counts_where_a_part_of_a_day_agrees_with_it(name, agrees):
    found = suggestion(name, "2026-10-31T23:30:00Z", ZoneInfo("Europe/Berlin"), TODAY)
    assert found == (NEXT if agrees else None)


@pytest.mark.parametrize(
    "name",
    [
        *("PDT Anna 2026-10-31 16-30-00.mp4", "[PDT] Anna 2026-10-31 16-30-00.mp4", "EDT-Anna-20261031_193000.mp4"),
        *("utc+9_20261101_083000.mp4", "anna jst 20261101_083000.mp4", "+09 20261101_083000.mp4", "PST 2026-10-31.mp4"),
        *("2026-10-31 pst Anna.mp4", "America_Los_Angeles 2026-10-31 16-30-00.mp4", "cest 2026-10-31 23-30-00.mp4"),
        *("20261031T233000123456Z.mp4", "2026-10-31T23Z.mp4", "2026-10-31T23+00.mp4", "2026-10-31(UTC)233000.mp4"),
        *("2026-10-31Z.mp4", "20261031Z233000.mp4", "MESZ 2026-10-31 23-30-00.mp4"),
    ],
)
def test_a_zone_anywhere_and_a_time_that_is_not_understood_leave_the_day_open(name):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) is None
    assert names_a_day(name)
    assert suggestion(name, "2026-10-31T23:30:00Z", ZoneInfo("Europe/Berlin"), TODAY) == NEXT


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("2026-10-31T23\uff1a30\uff1a00.000Z.mp4", time(0, 30)),
        ("2026-10-31T23\ua78930\ua78900Z.mp4", time(0, 30)),
        ("2026-10-31T23\u221630.mp4", None),
        ("2026-11-01 00\uff1a30\uff1a00.mp4", time(0, 30)),
    ],
)
def test_signs_that_stand_for_a_colon_are_read_as_one(name, at):
    found = suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY)
    assert (found.time if found is not None else None) == at
    assert found is None or found.day == NEXT.day


@pytest.mark.parametrize("name", ["20261025T004500Z.mp4", "PXL_20261025_004500000.mp4", "x.mp4"])
def test_the_first_of_an_hour_that_comes_twice_has_its_time_and_the_second_none(name):
    day, zone = date(2026, 10, 25), ZoneInfo("Europe/Berlin")
    created = "2026-10-25T00:45:00Z" if name == "x.mp4" else None
    assert suggestion(name, created, zone, TODAY) == Taken(day, time(2, 45))
    later = created.replace("00:45", "01:15") if created is not None else None
    second = suggestion(name.replace("0045", "0115"), later, zone, TODAY)
    assert (second.day, second.time) == (day, None)
    assert second.left_out.startswith("The file says 02:15 of 25 Oct 2026, when this time came a second time")


@pytest.mark.parametrize(
    "name",
    ["Anna not best 2026-04-05.mp4", "est 2026-04-05.mp4", "TESTS Anna 2026-04-05.mp4", "2026-04-05 part 2.mp4"],
)
def test_words_and_numbers_of_parts_leave_a_day_clear(name):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY) == Taken(DAY)


@pytest.mark.parametrize("name", ["patient 20001231.mp4", "ID 20101112 video.mp4", "Anna 2000-12-31.mp4"])
def test_an_old_day_may_be_a_date_of_birth_that_only_the_name_knows(name):
    assert suggestion(name, None, UTC, TODAY) is None
    assert names_a_day(name)
    assert suggestion(name, None, UTC, TODAY, date(1990, 2, 3)) is not None


@pytest.mark.parametrize("name", ["1405-08-12 10.00.00.mov", "25691103.mp4", "2026-3-11.mp4", "03112026.mp4"])
def test_a_day_of_another_calendar_or_form_is_one(name):
    assert suggestion(name, None, UTC, TODAY) is None
    assert names_a_day(name)


@pytest.mark.parametrize(
    "name",
    [
        "IMG_0001.jpg",
        "IMG_2026 2.mov",
        "Session 3.mp4",
        "v1.2.mp4",
        "take 10 of 12.mp4",
        "Marta 3.mp4",
        "GX010123.mp4",
        "123456.jpg",
        "Kind 3 Termin 12.mp4",
    ],
)
def test_other_numbers_are_no_days(name):
    assert not names_a_day(name)
    assert suggestion(name, "2026-11-20T10:00:00Z", UTC, TODAY) == Taken(date(2026, 11, 20), time(10))


BORN, VISIT = date(1993, 2, 3), date(2026, 11, 3)


@pytest.mark.parametrize(
    ("name", "born_on", "expected"),
    [
        ("19930203 Anna 2026-11-03.mp4", BORN, Taken(VISIT)),
        ("3.2.1993 Anna 3.11.2026.mp4", BORN, Taken(VISIT)),
        ("19930203 Anna 2026-11-03.mp4", None, None),
        ("Anna 1993-02-03.mp4", BORN, None),
        ("Anna 1992-02-03.mp4", BORN, None),
        ("2026-11-03 and 2026-11-04.mp4", BORN, None),
        ("2026-11-03 born 02-03-1993.mp4", None, None),
        ("2026-11-03 to 20261103_101500.mp4", BORN, Taken(VISIT, time(10, 15))),
        ("Besuch 3.11.2026.mp4", None, Taken(VISIT)),
        ("11-12-2026.mp4", None, None),
    ],
)
def test_of_several_days_in_a_name_none_is_taken_and_never_the_patient_s_birth(name, born_on, expected):
    assert suggestion(name, None, ZoneInfo("Europe/Berlin"), TODAY, born_on) == expected
    assert names_a_day(name), "so that no day is guessed against it"


@pytest.mark.parametrize(
    "name",
    ["2026-11-03 and 2026-11-04.mp4", "export 2026-11-04 of 3 Nov 2026.mp4", "4 Nov 2026 of 3 Nov 2026.mp4"],
)
def test_a_container_does_not_decide_between_the_days_of_a_name(name):
    """That of an edited video has the day of the edit, and programs write this one into the name as well."""
    assert suggestion(name, "2026-11-04T09:00:00Z", UTC, TODAY) is None


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
        ("2026-04-05", Taken(DAY)),
        ("20260405", Taken(DAY)),
        ("2026-04-05T00:00:00.000000Z", Taken(DAY)),
        ("2026-04-05T00:00:00-0700", Taken(DAY)),
        ("2026-04-05T00:00:00", Taken(DAY)),
        ("20260405T010203", Taken(DAY, TIME)),
        ("2026-04-05T16", None),
        ("2026-W14", None),
        ("2026-W14-7", None),
        ("2026-04", None),
        ("2026", None),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_a_container_says_when(created, expected):
    assert suggestion("visit.mp4", created, ZoneInfo("Europe/Berlin"), TODAY) == expected


def test_a_day_without_a_time_is_that_day_west_of_utc_too():
    """An encoder writes midnight UTC for it."""
    west = ZoneInfo("America/Los_Angeles")
    assert suggestion("visit.mp4", "2026-04-05T00:00:00.000000Z", west, TODAY) == Taken(DAY)


@pytest.mark.parametrize(
    ("name", "created", "inside"),
    [
        ("2026-04-05.mp4", "2026-04-07T12:00:00Z", date(2026, 4, 7)),
        ("IMG-20260405-WA0004.jpg", "2026-04-04T21:00:00", date(2026, 4, 4)),
        ("IMG-20260405-WA0004.jpg", "2026-04-05T21:00:00", None),
        ("VID_20260405_233000.mp4", "2026-04-06T03:30:00Z", None),
        ("PXL_20260405_233000123.jpg", "2026-04-06T01:30:00", None),
        ("2026-04-05.mp4", "1904-01-01T00:00:00Z", None),
        ("2026-04-05.mp4", None, None),
    ],
)
def test_the_name_counts_before_the_container_and_that_it_says_another_day_is_known(name, created, inside):
    """A picture that was sent on, or copied from a card months later, was stored "as the file says" by its name."""
    found = suggestion(name, created, UTC, TODAY)
    assert (found.day, found.inside) == (DAY, inside)


def test_a_time_that_the_day_did_not_have_in_the_clinic_is_not_suggested():
    berlin = ZoneInfo("Europe/Berlin")
    found = suggestion("VID_20260329_023000.mp4", None, berlin, TODAY)
    assert (found.day, found.time) == (date(2026, 3, 29), None)
    assert found.left_out.startswith("The file says 02:30, which 29 Mar 2026 did not have: the clocks went forward")
    assert suggestion("VID_20260329_023000.mp4", None, UTC, TODAY) == Taken(date(2026, 3, 29), time(2, 30))


def test_of_several_times_in_a_name_none_is_taken_and_that_is_said():
    found = suggestion("GMT20261103-091500 GMT20261103-093000.mp4", None, UTC, TODAY)
    assert (found.day, found.time) == (VISIT, None)
    assert found.left_out == words.TIMES_IN_NAME


def test_a_time_to_come_is_left_out_and_that_is_said(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 25, 12, tzinfo=UTC))
    berlin = ZoneInfo("Europe/Berlin")
    found = past(Taken(TODAY, time(23, 5)), berlin)
    assert found == Taken(TODAY, left_out="The file says 23:05, which is still to come, so the time was left out.")
    assert past(Taken(TODAY, time(9, 5)), berlin) == Taken(TODAY, time(9, 5))


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati", "UTC"])
@pytest.mark.parametrize(
    "created",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:01+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-11:00"],
)
def test_a_year_at_the_end_of_all_years_is_no_day(created, zone):
    """It was an error that ended a whole folder's import."""
    assert suggestion("x.mp4", created, ZoneInfo(zone), TODAY) is None
