"""The clinic's time zone is the browser's until an administrator says so, with one click."""

from streamlit.testing.v1 import AppTest

from clinic.admin import zones
from db.models import Role
from web.resources import resources


def sidebar():
    from pages.session import actor
    from pages.views.zone import ask_for_zone

    ask_for_zone(actor())


def test_one_click_confirms_what_the_browser_said(settings, enter):
    who, db = enter(role=Role.ADMINISTRATOR), resources().db
    zones.adopt(db, who, "Pacific/Auckland")
    page = AppTest.from_function(sidebar, default_timeout=60).run()
    assert not page.exception
    assert "Is the clinic in the time zone Pacific/Auckland?" in page.info[0].value
    next(button for button in page.button if button.label == "That is right").click().run()
    assert (zones.chosen(db).name, zones.chosen(db).confirmed) == ("Pacific/Auckland", True)
    assert len(page.info) == 0
