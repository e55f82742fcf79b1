"""Consent in a real browser: statement, refusal, recording it, a kept video that is watched, withdrawing everything."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from db.engine import open_database
from db.models import AuditRow, Patient, Recording, Role
from storage.media import MARK
from tests import doors
from tests.e2e.conftest import accept_statement

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("keeping")]

NAME = "Quentin Invented"
ASKED = ("Analyse recordings", "Keep the results", "Keep the videos and pictures")


@pytest.fixture
def keeping(monkeypatch):
    """Let the installation allow that files are kept."""
    monkeypatch.setenv("FER_KEEP_FILES", "1")


@pytest.fixture
def database(data, copy_tables):
    """The server's database with a clinician who never signed in."""
    copy_tables(data / "clinic.db")
    opened = open_database(f"sqlite:///{data / 'clinic.db'}")
    doors.add_account(opened, role=Role.CLINICIAN, statement=None, accepted_at=None)
    yield opened
    opened.close()


def record_consent(page):
    page.get_by_role("button", name="Record consent").click()
    form = page.get_by_role("dialog")
    for label in ASKED:
        form.get_by_text(label, exact=True).click()
    form.get_by_label("Where the signed document is kept").fill("Binder 3")
    form.get_by_role("button", name="Record", exact=True).click()
    form.wait_for(state="detached")


def stored_files(data):
    """The files of the media store, without the mark that says whose it is."""
    return [path for path in (data / "media").iterdir() if path.name != MARK]


def analyse(page, clip):
    page.get_by_role("button", name="Add a recording").click()
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_text("Uploaded.").wait_for()
    assert page.get_by_text("then it is kept").is_visible()
    page.get_by_role("button", name="Start analysis").click()
    page.get_by_text("It does not count in the trend").wait_for(timeout=180_000)
    page.get_by_role("link", name="Open the recording").click()


def test_from_the_first_sign_in_to_the_withdrawal(database, server, page, clip, data):
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{server}/caseload")
    page.get_by_label("Name").fill("Dr. Invented")
    page.get_by_label("Password").fill(doors.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Intended use").wait_for()
    page.goto(f"{server}/patient")
    page.get_by_role("heading", name="Intended use").wait_for()
    accept_statement(page)

    page.get_by_role("button", name="Add patient").first.click()
    page.get_by_label("Name or code").fill(NAME)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Nothing can be analysed or shown before").wait_for()
    page.goto(page.url.replace("/patient?", "/record?"))
    page.get_by_text("Error code: no_consent").wait_for()
    assert page.get_by_role("button", name="Start analysis").count() == 0
    page.get_by_role("link", name="Open the patient's page").click()

    record_consent(page)
    analyse(page, clip)
    watch(page)
    with database.read() as session:
        actions = list(session.scalars(select(AuditRow.action)))
        assert actions.count("video_viewed") == 1
        kept = stored_files(data)
        assert len(kept) == 1

    page.get_by_role("link", name="All recordings of this patient").click()
    page.get_by_role("button", name="Consent is valid").click()
    page.get_by_role("button", name="Withdraw everything").click()
    page.get_by_text("Permanently deleted: 1 recording with all results, 1 stored file").wait_for()
    page.get_by_role("button", name="Withdraw and delete").click()
    page.get_by_text("nothing was deleted").wait_for()
    page.get_by_label("To confirm, type").fill(NAME)
    page.get_by_role("button", name="Withdraw and delete").click()
    page.get_by_text("Withdrawn. Permanently deleted").wait_for()
    page.locator("video").wait_for(state="detached")
    with database.read() as session:
        assert session.scalars(select(Recording)).all() == []
        assert session.scalar(select(Patient.name)) == NAME
    assert stored_files(data) == []
    violations = [text for text in said if "Content Security Policy" in text]
    assert not violations, f"the policy is too tight: {violations}"


def watch(page):
    """Let the video show its length, go to a moment by the strip, and play on from there."""
    video = page.locator("video")
    video.wait_for()
    assert wait_until(page, lambda: video.evaluate("video => video.readyState >= 1"))
    assert video.evaluate("video => video.duration") == pytest.approx(6.0, abs=0.5)
    box = page.locator(".strip").bounding_box()
    page.locator(".strip").click(position={"x": box["width"] * 0.75, "y": box["height"] / 2})
    assert wait_until(page, lambda: video.evaluate("video => video.currentTime") > 4)
    video.evaluate("video => { video.muted = true; return video.play() }")
    assert wait_until(page, lambda: video.evaluate("video => video.ended"))
    assert "0:06" in page.locator("[data-part=clock]").inner_text()


def wait_until(page, condition, within_s=15):
    for _ in range(within_s * 10):
        if condition():
            return True
        page.wait_for_timeout(100)
    return False
