"""The second step, and signing in at another provider, in a real server and a real browser."""

from __future__ import annotations

import time

import pytest

from clinic.accounts import identities
from db.models import Role
from tests import doors, provider
from tests.doors import PASSWORD

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]


def test_the_second_step_from_the_qr_code_to_the_next_sign_in(account, sign_in, page, server):
    sign_in()
    page.goto(f"{server}/your-account")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    assert page.get_by_role("img", name="QR code").locator("svg").bounding_box()["width"] > 150
    secret = page.locator("p.code").inner_text().replace(" ", "")
    page.get_by_label("Code that the app shows now").fill(doors.code_at(secret, time.time()))
    page.get_by_role("button", name="Turn it on").click()
    recovery = page.locator("li.code").first.inner_text()
    page.get_by_role("link", name="I have stored them").click()
    page.get_by_role("heading", name="Second step: on").wait_for()

    page.context.clear_cookies()
    page.goto(server)
    page.get_by_label("Name").fill("Dr. Invented")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/second-step")
    page.get_by_label("Code of your app").fill(recovery)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Caseload").wait_for()


@pytest.fixture
def elsewhere(monkeypatch):
    """A provider on another site than the server: 127.0.0.1 and localhost share no cookies."""
    with provider.running() as running:
        monkeypatch.setenv("FER_OIDC_ISSUER", running.issuer)
        monkeypatch.setenv("FER_OIDC_CLIENT_ID", provider.CLIENT_ID)
        monkeypatch.setenv("FER_OIDC_CLIENT_SECRET", provider.CLIENT_SECRET)
        yield running


def test_back_from_another_site_one_is_signed_in(elsewhere, account, server, page):
    who = doors.actor(account, "Admin", Role.ADMINISTRATOR)
    identities.link(account, who, doors.add_account(account, "Ann Invented"), elsewhere.issuer, "ann@example.test")
    page.goto(server.replace("127.0.0.1", "localhost"))
    page.get_by_role("link", name="Sign in with your organisation").click()
    page.get_by_role("heading", name="Caseload").wait_for()
    page.get_by_role("button", name="Ann Invented").wait_for()
    held = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert (held["sign_in"]["sameSite"], held["sign_in"]["httpOnly"]) == ("Strict", True)
    assert "departed" not in held
