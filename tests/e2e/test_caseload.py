"""The caseload in a browser: pages, the order, a click that opens a patient, and the count in the navigation."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from clinic import clock
from db.models import Access, Account, Job, JobState, Patient, QuestionnaireSchedule, Recording
from tests import consents
from tests.clinic.patients.test_digests import add
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]


@pytest.fixture
def sixty(account):
    """Sixty patients on the caseload of the account, of whom the last needs a face to be chosen."""
    with account.session() as session:
        owner = session.scalars(select(Account)).one()
        for number in range(60):
            patient = Patient(name=f"Patient {number:02d} <b>&amp;", created_at=clock.now())
            session.add(patient)
            session.flush()
            session.add(Access(account_id=owner.id, patient_id=patient.id, created_at=clock.now()))
        recording = Recording(
            patient_id=patient.id,
            kind="video",
            recorded_on=clock.now().date(),
            created_at=clock.now(),
            visit_number=1,
        )
        session.add(recording)
        session.flush()
        session.add(Job(recording_id=recording.id, state=JobState.CHOOSING.value, created_at=clock.now()))


def test_a_full_row_is_no_wider_than_the_page_and_shows_every_need(account, sixty, sign_in, page):
    """A code, a date of birth, trends with intervals, and three needs are ordinary, on a laptop's screen."""
    with account.session() as session:
        patient = session.scalars(select(Patient).where(Patient.name.startswith("Patient 59"))).one()
        patient.code, patient.born_on = "2026-11-000123", date(1970, 12, 13)
        patient_id, now = patient.id, clock.now()
        due = {"scale": "phq9", "name": "PHQ-9", "every_days": 14, "first_due": date(2026, 1, 5), "created_at": now}
        session.add(QuestionnaireSchedule(patient_id=patient_id, **due))
    consents.agree(account, patient_id, expires_on=now.date() + timedelta(days=2))
    add(account, patient_id, 9)
    sign_in()
    page.get_by_text("Questionnaire due").wait_for()
    settled(page)
    widths = "table => [table.getBoundingClientRect().width, table.parentElement.getBoundingClientRect().width]"
    width, room = page.locator("table").evaluate(widths)
    assert width <= room
    row = page.locator("tbody tr").first
    # Asked at once: what moves the page between two questions moves all of them.
    ends = "row => [row, ...row.querySelectorAll('.need')].map(part => part.getBoundingClientRect().bottom)"
    below, *needs = row.evaluate(ends)
    assert len(needs) == 3
    assert max(needs) <= below


def test_a_patient_is_found_on_any_page_and_opened(sixty, sign_in, page):
    sign_in()
    page.get_by_role("link", name="Patient 59 <b>&amp;").wait_for()
    assert page.locator("td a").first.inner_text() == "Patient 59 <b>&amp;", "who needs somebody stands first"
    assert page.get_by_text("Choose a face").count() == 1
    assert "Caseload (1)" in page.get_by_test_id("stSidebarNavLink").first.inner_text()
    assert page.locator("td a").count() == 50
    page.get_by_role("button", name="Next").click()
    page.get_by_text("51 to 60 of 60").wait_for()
    # Who turned the page goes on at its first patient, with the eyes and by the keyboard.
    table = page.locator("table:focus")
    table.wait_for()
    assert table.bounding_box()["y"] >= 0
    page.keyboard.press("Tab")
    assert page.locator("td a").first.evaluate("link => link.getRootNode().activeElement === link")
    page.get_by_role("radio", name="Name").click()
    page.get_by_text("1 to 50 of 60").wait_for()
    settled(page)
    assert page.locator("td a").first.inner_text() == "Patient 00 <b>&amp;"
    page.get_by_role("link", name="Patient 07 <b>&amp;").click()
    page.get_by_role("heading", name="Patient 07 <b>&amp;").wait_for()
    assert re.search(r"/patient\?patient=[0-9a-f]{32}$", page.url)
    page.emulate_media(media="print")
    page.get_by_test_id("stSidebar").wait_for(state="hidden")
    page.get_by_role("button", name="Edit").wait_for(state="hidden")
    page.emulate_media(media="screen")
    page.go_back()
    page.get_by_role("link", name="Patient 00 <b>&amp;").wait_for()
