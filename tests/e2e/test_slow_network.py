"""Over a slow line, with an impatient person: each click counts once, for what was on the screen, or is refused."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from db.models import Patient, PatientEvent, QuestionnaireAnswer, Recording
from tests.clinic.fakes import eventually
from tests.e2e.conftest import settled

pytestmark = pytest.mark.e2e

SLOW = {"offline": False, "latency": 600, "downloadThroughput": 40_000, "uploadThroughput": 20_000}
"""Milliseconds and bytes a second: a line worse than a bad telephone's."""


@pytest.fixture
def slow(window):
    """A window whose line is slow once the first page is there."""
    page = window()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    return page


def test_impatient_clicks_on_a_slow_line_store_each_thing_once(account, add_patient, add_recording, slow, server):
    first, second = (add_patient("Anna Twin", code=f"T-{number}") for number in range(2))
    recordings = [add_recording(first, f"visit {number}", seed=number) for number in range(2)]

    slow.goto(f"{server}/patient?patient={second}&tab=questionnaires", timeout=120_000)
    boxes = slow.get_by_label("1. ", exact=False)
    boxes.first.wait_for(timeout=120_000)
    settled(slow)
    slow.get_by_text("Total", exact=True).first.click()
    slow.get_by_label("Total (0 to 27)").fill("9")
    slow.keyboard.press("Tab")
    for _ in range(3):
        slow.get_by_role("button", name="Save questionnaire").click(delay=20, no_wait_after=True)
    slow.get_by_text("was saved").wait_for(timeout=120_000)
    settled(slow)

    slow.goto(f"{server}/patient?patient={second}&tab=notes", timeout=120_000)
    slow.get_by_label("What", exact=True).fill("100 mg")
    for _ in range(3):
        slow.get_by_role("button", name="Add a mark").click(delay=20, no_wait_after=True)
    slow.get_by_text("Marked by mistake").wait_for(timeout=120_000)
    settled(slow)

    with account.read() as session:
        assert [one.patient_id for one in session.scalars(select(QuestionnaireAnswer))] == [second]
        assert [one.patient_id for one in session.scalars(select(PatientEvent))] == [second]

    # Open one recording, go on to the other at once, and delete what is on the screen.
    slow.goto(f"{server}/recording?id={recordings[1]}", timeout=120_000)
    slow.get_by_text("Note: visit 1").wait_for(timeout=120_000)
    slow.get_by_role("button", name="Previous").click(no_wait_after=True)
    slow.get_by_text("Note: visit 0").wait_for(timeout=120_000)
    settled(slow)
    slow.get_by_role("button", name="Delete this recording").click()
    dialog = slow.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Anna Twin")
    for _ in range(2):
        dialog.get_by_role("button", name="Delete", exact=True).click(delay=20, no_wait_after=True)
    slow.get_by_text("Permanently erased: 1 recording").wait_for(timeout=120_000)
    assert eventually(lambda: len(notes(account)) == 1)
    assert notes(account) == ["visit 1"]


def notes(account):
    with account.read() as session:
        assert session.scalar(select(Patient.id).limit(1)) is not None
        return list(session.scalars(select(Recording.note)))
