"""A clinician's page says what an administrator did, until that is read."""

from streamlit.testing.v1 import AppTest

from clinic.accounts import identities, sessions, takeovers
from db.models import Role
from tests import doors
from web.resources import resources


def reported_page():
    from pages.session import actor
    from pages.views.takeovers import show_takeovers

    show_takeovers(actor())


def test_the_page_tells_until_it_is_read(settings, enter, monkeypatch):
    who, db = enter(), resources().db
    admin = doors.actor(db, "Admin", Role.ADMINISTRATOR)
    identities.link(db, admin, doors.add_account(db, "Another"), "https://provider.invalid", "b@clinic.invalid")
    page = AppTest.from_function(reported_page, default_timeout=60).run()
    assert (len(page.warning), len(page.exception)) == (0, 0)
    identities.link(db, admin, who.account_id, "https://provider.invalid", "a@clinic.invalid")
    # The link ended the sign-in.
    token = sessions.sign_in(db, who.name, doors.PASSWORD)
    monkeypatch.setattr("pages.session.token", lambda: token)
    who = sessions.actor_of(db, token)
    page.run()
    assert "Admin linked your account to a sign-in provider" in page.warning[0].value
    page.button[0].click().run()
    assert len(page.warning) == 0
    assert takeovers.lately(db, who)
