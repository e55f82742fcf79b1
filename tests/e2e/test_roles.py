"""What each role sees of two patients of one name, with recordings of one day: its own, and no button in vain."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from db.models import Access, Account, Role
from tests import doors
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

TABS = ("overview", "recordings", "questionnaires", "notes")
CHANGES = (
    "Edit",
    "Report",
    "Export",
    "Add a recording",
    "Record consent",
    "Edit day and note",
    "Delete this recording",
    "Export this recording",
    "Save questionnaire",
    "Add a mark",
    "Record",
    "Add patient",
    "Import",
    "Mark",
)


@pytest.fixture
def twins(account, add_patient, add_recording):
    """Two patients of one name with two recordings of one day each; a viewer and nobody else sees the first one."""
    doors.add_account(account, "Vic Viewer", Role.VIEWER)
    found = {}
    for number in range(2):
        patient = add_patient("Anna Twin", code=f"T-{number}")
        found[patient] = [add_recording(patient, f"{number} {which}", seed=2 * number + which) for which in range(2)]
    _, second = found
    with account.session() as session:
        viewer = session.scalar(select(Account.id).where(Account.name == "Vic Viewer"))
        session.execute(delete(Access).where((Access.patient_id == second) | (Access.account_id != viewer)))
    return found


def open_page(page, address, sign):
    page.goto(address)
    page.get_by_text(sign).first.wait_for()
    settled(page)
    assert page.get_by_text("Something went wrong").count() == 0
    assert page.get_by_text("Error code").count() == (1 if "caseload" in sign else 0)


def offered(page):
    return [name for name in CHANGES if page.get_by_role("button", name=name, exact=True).count()]


def test_a_viewer_sees_the_own_patient_s_pages_and_can_change_nothing(twins, window, server):
    (first, own), (second, others) = twins.items()
    page = window("Vic Viewer")
    page.get_by_text("T-0").first.wait_for()
    settled(page)
    assert page.get_by_text("T-1").count() == 0
    assert offered(page) == []
    for tab in TABS:
        open_page(page, f"{server}/patient?patient={first}&tab={tab}", "T-0")
        assert offered(page) == [], tab
    for number, recording in enumerate(own):
        open_page(page, f"{server}/recording?id={recording}", f"Note: 0 {number}")
        page.locator(".strip").wait_for()
        assert offered(page) == []
    open_page(page, f"{server}/patient?patient={second}", "This patient is not on your caseload")
    for recording in others:
        open_page(page, f"{server}/recording?id={recording}", "This patient is not on your caseload")
    for address in ("accounts", "record"):
        page.goto(f"{server}/{address}")
        page.get_by_role("button", name="Sign out").wait_for()
        settled(page)
        assert page.get_by_role("button", name="Start analysis").count() == 0
        assert page.get_by_role("button", name="New account").count() == 0


def test_an_administrator_sees_no_patient_of_others_on_any_page(twins, window, server):
    page = window()
    assert page.get_by_text("Anna Twin").count() == 0
    for patient, recordings in twins.items():
        open_page(page, f"{server}/patient?patient={patient}", "This patient is not on your caseload")
        open_page(page, f"{server}/recording?id={recordings[0]}", "This patient is not on your caseload")
        page.goto(f"{server}/record?recording={recordings[0]}")
        page.get_by_text("not on your caseload").first.wait_for()
        assert page.get_by_text("Anna Twin").count() == 0
    page.goto(f"{server}/activity")
    page.get_by_role("button", name="Sign out").wait_for()
    settled(page)
    assert page.get_by_text("Anna Twin").count() == 0
