"""The day and time of a new recording: the file suggests, and what a person chose stays."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets import today


def page():
    from datetime import date

    import streamlit as st

    from pages.views.moment import ask_for_moment
    from pages.views.uploader import Sent, SentFile

    names = st.session_state.get("names")
    sent = tuple(SentFile(f"{number:032}", name) for number, name in enumerate(names or ()))
    files = Sent(sent, done=st.session_state.get("done", False)) if names else None
    st.session_state["said"] = ask_for_moment(files, st.container(), st.container(), date(1990, 2, 3))


@pytest.fixture
def form(enter):
    enter()
    return AppTest.from_function(page, default_timeout=60).run()


def chosen(form, *names):
    form.session_state["names"] = names
    return form.run()


def captions(form):
    return [re.sub(r"\\(?=\W)", "", caption.value) for caption in form.caption]


def said(form):
    assert not form.exception
    return form.session_state["said"]


DATED = "VID_20260405_010203.mp4"


def test_nothing_is_suggested_before_a_file_is_chosen_and_then_the_file_s_own_day(form):
    assert said(form) == (None, None)
    assert said(chosen(form, DATED)) == (date(2026, 4, 5), time(1, 2))
    assert said(chosen(form, "VID_20260406_111213.mp4")) == (date(2026, 4, 6), time(11, 12))


def test_today_chosen_by_a_person_is_not_replaced_by_the_file_s_day(form):
    form.date_input[0].set_value(today()).run()
    assert said(chosen(form, DATED)) == (today(), None)
    assert "The file says 5 Apr 2026." in [caption.value for caption in form.caption]


def test_a_choice_that_equals_the_last_suggestion_stays(form):
    chosen(form, DATED)
    form.date_input[0].set_value(date(2026, 4, 4)).run()
    form.date_input[0].set_value(date(2026, 4, 5)).run()
    form.time_input[0].set_value(time(2, 0)).run()
    form.time_input[0].set_value(time(1, 2)).run()
    assert said(chosen(form, "VID_20260406_111213.mp4")) == (date(2026, 4, 5), time(1, 2))


def test_the_patient_s_birth_in_a_name_is_not_suggested(form):
    assert said(chosen(form, "Anna 1990-02-03.mp4")) == (None, None)
    assert said(chosen(form, "Anna 1990-02-03 on 2026-04-05.mp4")) == (date(2026, 4, 5), None)


def test_at_midnight_the_day_on_the_screen_stays(form, monkeypatch):
    """The box changed by itself, in the run of the click on Start, and the next day was stored."""
    before = today()
    assert said(chosen(form, "visit.mp4")) == (before, None)
    monkeypatch.setattr("pages.views.moment.today", lambda: before + timedelta(days=1))
    assert said(form.run()) == (before, None)


@pytest.mark.parametrize(
    ("names", "caption"),
    [
        (("visit.mp4",), "The file says no day: this is the day on which you chose it."),
        (("a.jpg", "b.jpg"), "The files say no day: this is the day on which you chose them."),
    ],
)
def test_a_day_that_no_file_says_is_not_shown_like_one_that_it_says(form, monkeypatch, names, caption):
    """An old video was stored as of today, with no word that today was only assumed."""
    monkeypatch.setattr("clinic.recordings.incoming.created", lambda settings, upload_id, owner: None)
    assert said(chosen(form, *names)) == (today(), None)
    assert captions(form) == [], "before the whole file has come, its day may still be read in it"
    form.session_state["done"] = True
    form.run()
    assert captions(form) == [caption]
    form.date_input[0].set_value(date(2026, 4, 4)).run()
    assert captions(form) == [f"{caption.split(':')[0]}."]


UNCLEAR = "The day is not clear from the name 2026-10-31 16-30-00 PDT."
SEVERAL = "The files say different days: 5 Apr 2026 ({}) and 3 Oct 2026 ({}). One recording has one day."
APRIL, OCTOBER = "IMG-20260405-WA0001.jpg", "IMG-20261003-WA0002.jpg"


@pytest.mark.parametrize(
    ("names", "expected", "caption"),
    [
        ((OCTOBER, APRIL), (None, None), SEVERAL.format(APRIL, OCTOBER)),
        ((APRIL, "a.jpg", OCTOBER), (None, None), SEVERAL.format(APRIL, OCTOBER)),
        (
            (*(f"IMG-20260405-WA000{number}.jpg" for number in range(5)), OCTOBER),
            (None, None),
            "The files say different days: 3 Oct 2026 (IMG-20261003-WA0002.jpg) and 5 Apr 2026"
            " (IMG-20260405-WA0000.jpg, IMG-20260405-WA0001.jpg, IMG-20260405-WA0002.jpg and 2 others)."
            " One recording has one day.",
        ),
        (("IMG_20261003_120000.jpg", "IMG_20261003_110000.jpg"), (date(2026, 10, 3), time(11)), "As the files say."),
        (
            ("a.jpg", "IMG-20261003-WA0002.jpg"),
            (date(2026, 10, 3), None),
            "1 of 2 files say 3 Oct 2026; the others say no day.",
        ),
        (("IMG-20261003-WA0002.jpg", "2026-10-31 16-30-00 PDT.jpg"), (None, None), f"{UNCLEAR}jpg."),
    ],
)
def test_of_several_pictures_every_one_is_asked(form, names, expected, caption):
    assert said(chosen(form, *names)) == expected
    assert caption in captions(form)


def test_pictures_of_which_one_says_another_day_inside_get_no_day(form, monkeypatch):
    written = {f"{0:032}": "2026-10-03T11:00:00", f"{1:032}": "2026-04-05T12:00:00"}
    monkeypatch.setattr("clinic.recordings.incoming.created", lambda settings, upload_id, owner: written[upload_id])
    form.session_state["done"] = True
    assert said(chosen(form, "a.jpg", "b.jpg")) == (None, None)
    assert SEVERAL.format("b.jpg", "a.jpg") in captions(form)


def test_another_day_inside_than_the_name_says_is_said(form, monkeypatch):
    written = {f"{0:032}": "2026-03-02T09:00:00", f"{1:032}": "2026-07-01T09:01:00"}
    monkeypatch.setattr("clinic.recordings.incoming.created", lambda settings, upload_id, owner: written[upload_id])
    form.session_state["done"] = True
    names = "20260701_090000.jpg", "20260701_090100.jpg"
    assert said(chosen(form, *names)) == (date(2026, 7, 1), time(9))
    assert [warning.value.replace("\\", "") for warning in form.warning] == [
        "2 Mar 2026 is written in 20260701_090000.jpg, whose name says 1 Jul 2026. One of them may be the day of a copy"
        " or an edit. Please check the day of the recording."
    ]
    assert "As their names say." in captions(form)


def test_a_day_that_is_not_clear_is_left_to_the_person(form):
    assert said(chosen(form, "2026-10-31 16-30-00 PDT.mp4")) == (None, None)
    assert f"{UNCLEAR}mp4." in captions(form)


def test_what_was_suggested_stays_when_the_clock_goes_on(form, monkeypatch):
    """A camera's clock was ahead: over midnight, and after minutes, its time stood in the boxes by itself."""
    now = datetime(2026, 11, 26, 1, tzinfo=UTC)
    monkeypatch.setattr("clinic.clock.now", lambda: now)
    day, tomorrow = date(2026, 11, 26), "VID_20261127_000300.mp4"
    assert said(chosen(form, tomorrow)) == (None, None)
    now += timedelta(days=1)
    assert said(form.run()) == (None, None)
    now -= timedelta(days=1)
    assert said(chosen(form, "VID_20261126_235900.mp4")) == (day, None)
    now += timedelta(hours=13)
    assert said(form.run()) == (day, None)
    assert "The file says 23:59, which is still to come, so the time was left out." in captions(form)


def test_a_time_that_the_clinic_s_clocks_left_out_is_said(form, monkeypatch):
    monkeypatch.setattr("pages.views.moment.zone", lambda: ZoneInfo("Europe/Berlin"))
    assert said(chosen(form, "20260329_023000.mp4")) == (date(2026, 3, 29), None)
    assert any(one.startswith("The file says 02:30, which 29 Mar 2026 did not have") for one in captions(form))
    form.time_input[0].set_value(time(3, 30)).run()
    assert not any("did not have" in one for one in captions(form))


@pytest.mark.parametrize("name", ["1775350923000.mp4", "202604059999.mp4", "260405153059.mp4"])
def test_digits_that_are_not_understood_as_a_day_empty_the_box(form, name):
    assert said(chosen(form, name)) == (None, None)
    assert any(one.startswith("The day is not clear from the name") for one in captions(form))
