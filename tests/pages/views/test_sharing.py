"""Who looked at a patient is told with the day and the time of the clinic's zone, and the zone is named."""

import json

from streamlit.testing.v1 import AppTest

from clinic.admin import zones
from clinic.patients import caseload
from db.models import Role
from web.resources import resources


def history(patient_id):
    from pages.views.sharing import show_history

    show_history(patient_id)


def test_the_list_of_who_looked_says_its_zone(enter):
    who, db = enter(role=Role.ADMINISTRATOR), resources().db
    zones.choose(db, who, "Pacific/Auckland")
    patient = caseload.add_patient(db, who, "Invented Person")
    caseload.get_patient(db, who, patient)
    page = AppTest.from_function(history, args=(patient,), default_timeout=60).run()
    assert not page.exception
    [table] = page.dataframe
    [when] = [name for name in table.value.columns if "(" in name]
    assert when.endswith("(Pacific/Auckland)")
    assert json.loads(table.proto.columns)[when]["type_config"]["timezone"] == "Pacific/Auckland"
    assert len(table.value) >= 1
