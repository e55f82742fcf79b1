"""The caseload in a browser: pages, the order, a click that opens a patient, and the count in the navigation."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from clinic import clock
from db.models import Access, Account, Job, JobState, Patient, Recording
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


def test_a_patient_is_found_on_any_page_and_opened(sixty, sign_in, page):
    sign_in()
    page.get_by_role("link", name="Patient 59 <b>&amp;").wait_for()
    assert page.locator("td a").first.inner_text() == "Patient 59 <b>&amp;", "who needs somebody stands first"
    assert page.get_by_text("Choose a face").count() == 1
    assert "Caseload (1)" in page.get_by_test_id("stSidebarNavLink").first.inner_text()
    assert page.locator("td a").count() == 50
    page.get_by_role("button", name="Next").click()
    page.get_by_text("51 to 60 of 60").wait_for()
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
