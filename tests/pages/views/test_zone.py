"""The clinic's time zone is the browser's until an administrator says so, with one click."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from clinic.admin import zones
from db.models import Role
from web.resources import resources

SHELL = Path(__file__).parents[3] / "pages" / "shell.py"


def sidebar():
    from pages.session import actor
    from pages.views.zone import ask_for_zone

    ask_for_zone(actor())


def test_of_two_administrators_the_second_sees_what_the_first_set(settings, enter):
    who, db = enter(role=Role.ADMINISTRATOR), resources().db
    zones.adopt(db, who, "Pacific/Auckland")
    page = AppTest.from_file(str(SHELL), default_timeout=60).run()
    page.switch_page("accounts.py").run()
    # One in the sidebar, to be confirmed, and one on the page.
    assert [box.value for box in page.selectbox if box.label == "Time zone"] == ["Pacific/Auckland"] * 2
    page.main.selectbox[-1].select("Europe/Paris")
    zones.choose(db, who, "Europe/Berlin")
    press_set(page)
    assert zones.chosen(db).name == "Europe/Berlin"
    assert any("Nothing was done: what was on the screen has changed" in one.value for one in page.warning)
    # What stands there now has been seen, so that it may be changed.
    assert page.main.selectbox[-1].value == "Europe/Berlin"
    page.main.selectbox[-1].select("Europe/Paris")
    press_set(page)
    assert zones.chosen(db) == zones.Chosen("Europe/Paris", True)
    assert len(page.warning) == 0


def press_set(page):
    [wanted] = [button for button in page.main.button if button.label == "Set the time zone"]
    wanted.click().run()
    assert not page.exception


def test_one_click_confirms_what_the_browser_said(settings, enter):
    who, db = enter(role=Role.ADMINISTRATOR), resources().db
    zones.adopt(db, who, "Pacific/Auckland")
    page = AppTest.from_function(sidebar, default_timeout=60).run()
    assert not page.exception
    assert "Is the clinic in the time zone Pacific/Auckland?" in page.info[0].value
    next(button for button in page.button if button.label == "That is right").click().run()
    assert (zones.chosen(db).name, zones.chosen(db).confirmed) == ("Pacific/Auckland", True)
    assert len(page.info) == 0
