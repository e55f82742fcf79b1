"""What is open in a browser goes, without a click, once it may no longer be seen: consent, sharing, the patient."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from db.models import Access, Patient
from tests import consents
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

WITHIN_MS = 60_000
"""It is asked every three seconds; the rest is for a busy machine."""


def opened(context, address, sign):
    page = context.new_page()
    page.goto(address)
    page.locator(sign).first.wait_for()
    settled(page)
    return page


@pytest.mark.parametrize("how", ["consent", "sharing", "patient"])
def test_what_is_drawn_goes_by_itself(account, add_patient, add_recording, window, server, how):
    anna = add_patient("Anna A")
    recordings = [add_recording(anna, f"visit {number}", seed=number) for number in range(2)]
    caseload = window(at="caseload")
    caseload.get_by_text("Anna A").first.wait_for()
    settled(caseload)
    context = caseload.context
    recording = opened(context, f"{server}/recording?id={recordings[0]}", ".strip")
    overview = opened(context, f"{server}/patient?patient={anna}", ".js-plotly-plot")
    assert caseload.get_by_text("Consent ended on").count() == 0
    if how == "consent":
        consents.expire(account, anna)
        said = "Please record its renewal"
    else:
        table, said = {
            "sharing": (Access, "This patient is not on your caseload"),
            "patient": (Patient, "does not exist any more"),
        }[how]
        column = Access.patient_id if table is Access else Patient.id
        with account.session() as session:
            session.execute(delete(table).where(column == anna))
    for page, sign in ((recording, ".strip"), (overview, ".js-plotly-plot")):
        page.get_by_text(said).first.wait_for(timeout=WITHIN_MS)
        settled(page)
        assert page.locator(sign).count() == 0
    if how == "consent":
        caseload.get_by_text("Consent ended on 2 Jan 2026").first.wait_for(timeout=WITHIN_MS)
    else:
        caseload.get_by_text("Anna A").first.wait_for(state="detached", timeout=WITHIN_MS)
