"""The harness of the tests with two people and a clock: it does what the other tests rely on."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Error
from sqlalchemy import select

from db.models import AuditRow
from tests import doors
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]


def test_two_people_are_signed_in_at_once(account, window):
    doors.add_account(account, "Ben Invented")
    one, other = window(), window("Ben Invented")
    assert one.get_by_text("Dr. Invented").first.is_visible()
    assert other.get_by_text("Ben Invented").first.is_visible()


def test_the_server_s_clock_moves_and_this_one_doesn_t(account, clock, window, server):
    clock.move(timedelta(days=3))
    page = window()
    with account.read() as session:
        written = session.scalars(select(AuditRow.at).order_by(AuditRow.number.desc())).first()
    assert timedelta(days=2, hours=23) < written - datetime.now(UTC) < timedelta(days=3, hours=1)
    page.get_by_role("button", name="Add patient").first.click()
    settled(page)
    clock.move(timedelta(days=4))
    # The window may be on its way there by itself, which breaks this off.
    with suppress(Error):
        page.goto(f"{server}/caseload")
    page.wait_for_url("**/sign-in"), "12 hours are over for the sign-in of a day ago"
    assert datetime.now(UTC).date() - date.today() <= timedelta(days=1)  # noqa: DTZ011
