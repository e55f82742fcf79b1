"""While a condition of the face holds, a patient's page shows labels of the days on which none held, as reports do."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from clinic.patients import caseload, conditions
from clinic.patients.conditions import ConditionKind
from clinic.reports import reports
from clinic.reports.content import ReportScope
from tests import consents
from tests.clinic.patients.test_digests import FIRST, add
from web.resources import resources


def overview_page(patient_id):
    from clinic.patients import caseload
    from pages import clicks
    from pages.session import actor
    from pages.views.overview import show_overview
    from web.resources import resources

    with clicks.run():
        show_overview(caseload.get_patient(resources().db, actor(), patient_id), [])


@pytest.mark.parametrize("readable", [True, False], ids=["a part of the time", "all of the time"])
def test_page_and_report_show_the_same_days(enter, readable):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Ada Example")
    consents.agree(db, patient_id)
    add(db, patient_id, 3)
    began = FIRST + timedelta(days=1) if readable else FIRST
    conditions.add(db, who, patient_id, ConditionKind.FACIAL_PALSY, began)
    page = AppTest.from_function(overview_page, args=(patient_id,), default_timeout=60).run()
    assert not page.exception
    said = "\n".join(one.value for one in page.markdown).replace("\\", "")
    assert ("Labels of recordings made under a condition of the face (Facial palsy)" in said) is readable
    assert ("Labels are not interpreted for this patient (Facial palsy)" in said) is not readable
    # The newest recording is under the condition in either case: nothing compares it.
    assert "within this patient's usual range" not in said
    made = reports._report(db, who, patient_id, ReportScope(), None)
    [table] = [one for one in made.tables if one.title.startswith("Recordings")]
    assert ("happy-like" in table.header) is readable
    drawn = page.get("plotly_chart")[0].proto.spec
    assert ("Happy-like" in drawn) is readable
    assert "Movement of the face" in drawn
