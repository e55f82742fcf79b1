"""The page of the live view, without a browser: whose face it is and the consent are asked before the camera."""

import pytest

from clinic.consent.consent import Scope
from clinic.patients import caseload
from tests import consents
from tests.pages.test_pages import open_page, text_of
from web.resources import resources


@pytest.fixture
def drawn(monkeypatch):
    """What the component was drawn for, each time."""
    calls = []
    monkeypatch.setattr(
        "pages.views.camera.camera", lambda patient_id, may_record: calls.append((patient_id, may_record))
    )
    return calls


@pytest.fixture
def patient(enter):
    return caseload.add_patient(resources().db, enter(), "Invented Person")


def test_before_a_choice_there_is_no_camera(enter, drawn):
    enter()
    assert "Live view" in text_of(open_page("live"))
    assert drawn == []


def test_without_consent_there_is_no_camera(patient, drawn):
    page = open_page("live", patient=patient)
    assert "consent" in page.warning[0].value
    assert drawn == []


@pytest.mark.parametrize(
    ("scopes", "may_record"), [((Scope.ANALYSE,), False), ((Scope.ANALYSE, Scope.KEEP_RESULTS), True)]
)
def test_it_is_recorded_where_results_may_be_kept(patient, drawn, scopes, may_record):
    consents.agree(resources().db, patient, *scopes)
    open_page("live", patient=patient)
    assert drawn[-1] == (patient, may_record)


def test_of_nobody_everyone_in_view_is_asked_first(enter, drawn):
    enter()
    page = open_page("live")
    page.selectbox[0].select("nobody").run()
    assert drawn == []
    page.checkbox(key="in_view_agree").check().run()
    assert drawn[-1] == (None, False)
