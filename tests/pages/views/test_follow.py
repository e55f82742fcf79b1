"""What is drawn each second while an analysis runs."""

from datetime import date

from streamlit.testing.v1 import AppTest

from clinic.jobs import jobs
from clinic.patients import caseload
from clinic.recordings.uploads import Upload
from db.models import new_id
from tests.consents import agree
from tests.doors import statements
from web.resources import resources


def running(recording_id, who):
    from pages.views.follow import _running

    _running(recording_id, False, who)


def test_each_second_costs_one_query(settings, enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Invented Person")
    agree(db, patient_id)
    upload = Upload(new_id(), "visit", "0" * 64, 5, "video")
    queued = jobs.enqueue(db, settings, who, patient_id, [upload], date(2026, 1, 1), model_sha256="m")
    with statements(db) as asked:
        page = AppTest.from_function(running, args=(queued.recording_id, who)).run()
    assert not page.exception
    assert [button.label for button in page.button] == ["Cancel"]
    assert len(asked) == 1, asked
