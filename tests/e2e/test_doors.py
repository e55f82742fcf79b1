"""The doors in a real server and a real browser: strangers stay out, and who is signed out is out at once."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from db.models import SignIn
from tests.doors import PASSWORD
from tests.e2e.conftest import accept_statement

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

STRANGER = ["/", "/caseload", "/media/a.mp4", "/_stcore/host-config", "/_stcore/metrics", "/static/js/index.js", "/x"]


def status_of(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_stranger_gets_nothing_of_the_real_server(server):
    assert {path: status_of(server + path) for path in STRANGER} == dict.fromkeys(STRANGER, 401)
    assert status_of(server + "/_stcore/upload_file/a/b", "PUT") == 401
    assert status_of(server + "/_stcore/health") == 200


def test_the_first_visit_with_the_code_of_the_console(server, page, tmp_path):
    code = re.search(r"code: (\S+)", Path(tmp_path / "server.log").read_text()).group(1)
    page.goto(server)
    page.get_by_label("Code").fill(code)
    page.get_by_label("Name").fill("Ada Invented")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    accept_statement(page)
    page.get_by_role("heading", name="Caseload").wait_for()


def test_signing_out_empties_all_windows_at_once(account, sign_in, page, server):
    sign_in()
    other = page.context.new_page()
    other.goto(f"{server}/activity")
    other.get_by_text("No new recording of your patients is being analysed").wait_for()
    other.get_by_role("button", name="Sign out").click()
    for window in (page, other):
        window.wait_for_url("**/sign-in", timeout=5_000)
        assert window.get_by_text("Caseload").count() == 0
    page.go_back()
    page.wait_for_url("**/sign-in")


def test_a_window_without_a_line_is_emptied_when_it_is_looked_at_again(account, sign_in, page):
    sign_in()
    page.route_web_socket("**/_stcore/stream", lambda line: None)
    with page.expect_response("**/_stcore/host-config"):
        page.reload()
    page.wait_for_timeout(2_000)
    with account.session() as session:
        session.delete(session.scalar(select(SignIn)))
    page.wait_for_timeout(2_500)
    assert not page.url.endswith("/sign-in"), "the server has no line to say goodbye on"
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_url("**/sign-in", timeout=5_000)


def test_idle_windows_are_emptied_although_a_part_of_them_refreshes_itself(account, sign_in, page, server):
    sign_in(at="activity")
    page.get_by_text("No new recording of your patients is being analysed").wait_for()
    with account.session() as session:
        session.scalar(select(SignIn)).seen_at -= timedelta(minutes=14, seconds=55)
    page.wait_for_url("**/sign-in", timeout=12_000)


def test_an_account_from_its_first_password_to_being_disabled(account, sign_in, page, browser, server):
    sign_in()
    page.get_by_role("link", name="Accounts").click()
    page.get_by_role("button", name="Add account").click()
    page.get_by_label("Name", exact=True).fill("Ben Invented")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("shown only once").wait_for()
    password = page.locator("code").first.inner_text().strip()

    other = browser.new_context().new_page()
    other.goto(server)
    other.get_by_label("Name").fill("Ben Invented")
    other.get_by_label("Password").fill(password)
    other.get_by_role("button", name="Sign in").click()
    other.get_by_label("Current password").fill(password)
    other.get_by_label("New password", exact=True).fill(PASSWORD)
    other.get_by_label("New password again").fill(PASSWORD)
    other.get_by_role("button", name="Change password").click()
    accept_statement(other)
    other.get_by_role("button", name="Sign out").wait_for()
    assert other.get_by_role("link", name="Accounts").count() == 0

    page.get_by_role("button", name="I have written it down").click()
    page.get_by_role("button", name="Change", exact=True).first.click()
    page.get_by_role("button", name="Disable").click()
    other.wait_for_url("**/sign-in", timeout=10_000)
    other.context.close()


def test_one_s_own_password_is_changed_in_a_window_of_its_own(account, sign_in, page):
    sign_in()
    page.get_by_role("button", name="Dr. Invented").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Change password").click()
    form = opened.value
    form.get_by_label("Current password").fill(PASSWORD)
    form.get_by_label("New password", exact=True).fill("ten dry umbrellas")
    form.get_by_label("New password again").fill("ten dry umbrellas")
    form.get_by_role("button", name="Change password").click()
    form.get_by_role("heading", name="Caseload").wait_for()
