"""The receipt of an erasure: it says "being removed" until the last byte is gone."""

from streamlit.testing.v1 import AppTest

from backup.erasures import Erasure
from db.copies import sqlite_path
from pages.views.transfer import RECEIPT
from web.resources import resources


def receipt_page():
    from pages.views.transfer import show_receipt

    show_receipt()


def test_a_receipt_waits_for_the_last_byte(settings, enter):
    enter()
    database = sqlite_path(settings.database_url)
    mark = database.with_name(f"{database.name}.removing")
    mark.touch()
    page = AppTest.from_function(receipt_page, default_timeout=60)
    page.session_state[RECEIPT] = Erasure("patient", "0" * 32, {"patients": 1})
    page.run()
    assert not page.exception
    assert "Being removed: 1 patient." in page.info[0].value
    assert resources().db.forget_deleted()
    page.run()
    assert "Permanently erased: 1 patient." in page.success[0].value
    page.run()
    assert "Permanently erased: 1 patient." in page.success[0].value, "gone before anybody could copy it"
    next(one for one in page.button if one.label == "Close the receipt").click().run()
    assert len(page.success) == 0
