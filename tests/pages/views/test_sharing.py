"""Who sees a patient and who looked: the end of a sharing is asked, and each look has its day, time and zone."""

import json

from streamlit.testing.v1 import AppTest

from clinic.admin import zones
from clinic.patients import caseload, sharing
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


def readers(patient_id):
    from clinic.patients import caseload
    from pages import clicks
    from pages.session import actor
    from pages.views.sharing import show_readers
    from web.resources import resources

    with clicks.run():
        show_readers(caseload.get_patient(resources().db, actor(), patient_id))


def test_the_end_of_a_sharing_is_asked_with_the_patient_and_the_colleague_named(enter):
    colleague = enter("Cora Colleague")
    who, db = enter(), resources().db
    patient = caseload.add_patient(db, who, "Invented Person")
    sharing.share(db, who, patient, "Cora Colleague")
    page = AppTest.from_function(readers, args=(patient,), default_timeout=60).run()

    for answer, left in (("Leave everything as it is", 2), ("Remove", 1)):
        next(one for one in page.button if one.key.endswith(colleague.account_id)).click().run()
        said = " ".join(one.value for one in page.markdown)
        assert "**Invented Person**" in said
        assert "**Cora Colleague** no longer sees this patient" in said
        [one for one in page.button if one.label == answer][-1].click().run()
        assert not page.exception
        assert len(sharing.readers(db, who, patient)) == left
