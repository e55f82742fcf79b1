"""The page of the live view, without a browser: whose face it is and the consent are asked before the camera."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, update

from clinic.consent.consent import Scope
from clinic.patients import caseload
from clinic.recordings import incoming
from db.models import Access, Consent
from fer_core.errors import FerError
from pages.views.uploader import live_of
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
def who(enter):
    return enter()


@pytest.fixture
def patient(who):
    return caseload.add_patient(resources().db, who, "Invented Person")


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


@pytest.mark.parametrize("kept", ["pages.views.camera.is_recording", "pages.views.uploader.holds_files"])
def test_a_recording_that_is_not_stored_yet_keeps_its_patient(patient, drawn, monkeypatch, kept):
    consents.agree(resources().db, patient)
    page = open_page("live", patient=patient)
    assert len(page.selectbox) == 1
    monkeypatch.setattr(kept, lambda asked: True)
    page.run()
    assert len(page.selectbox) == 0
    assert f"Whose face: **Invented Person** · ID {patient[:6]}" in text_of(page)


def test_what_was_recorded_of_a_patient_who_is_taken_away_is_named_as_lost(patient, drawn, monkeypatch):
    consents.agree(resources().db, patient)
    page = open_page("live", patient=patient)
    monkeypatch.setattr("pages.views.camera.is_recording", lambda asked: asked == patient)
    with resources().db.session() as session:
        session.execute(delete(Access))
    page.run()
    assert [one.value for one in page.warning if "is not kept" in one.value]
    assert "Invented Person" not in text_of(page)


def test_what_was_recorded_of_a_patient_who_no_longer_agrees_is_deleted(who, patient, drawn, monkeypatch):
    """It lay there for a day, and the page offered neither to store it nor another patient."""
    consents.agree(resources().db, patient)
    page = open_page("live", patient=patient)
    begun = incoming.begin(resources().db, resources().settings, who, 5)
    page.session_state[live_of(patient).opened] = {"choice": 1, "uploads": [begun.id], "error": None}
    monkeypatch.setattr("pages.views.uploader.holds_files", lambda kind: kind == live_of(patient))
    with resources().db.session() as session:
        session.execute(update(Consent).values(withdrawn_at=datetime.now(UTC)))
    page.run()
    assert [one.value for one in page.warning if "is deleted: the recording of Invented Person · ID" in one.value]
    assert len(page.selectbox) == 1
    with pytest.raises(FerError, match="does not exist any more"):
        incoming.status(resources().settings, begun.id, begun.owner)


@pytest.mark.parametrize("ends", [delete(Access), update(Consent).values(withdrawn_at=datetime.now(UTC))])
def test_that_a_recording_is_lost_is_said_where_the_camera_ends_before_the_page_is_drawn(
    patient, drawn, monkeypatch, ends
):
    """The camera's line is closed, so that it records no more; then nothing said what became of the recording."""
    consents.agree(resources().db, patient)
    runs = [patient]
    monkeypatch.setattr("pages.views.camera.is_recording", lambda asked: asked in runs)
    page = open_page("live", patient=patient)
    runs.clear()
    with resources().db.session() as session:
        session.execute(ends)
    page.run()
    assert [one.value for one in page.warning if "not stored yet is" in one.value]


def test_a_recording_that_ends_with_consent_leaves_no_word_and_the_choice(patient, drawn, monkeypatch):
    consents.agree(resources().db, patient)
    runs = [patient]
    monkeypatch.setattr("pages.views.camera.is_recording", lambda asked: asked in runs)
    page = open_page("live", patient=patient)
    runs.clear()
    page.run()
    assert len(page.selectbox) == 1
    assert not page.warning


def test_the_address_is_that_of_the_patient_who_was_chosen(enter, drawn):
    who = enter()
    first, second = (caseload.add_patient(resources().db, who, name) for name in ("Anna A", "Berta B"))
    consents.agree(resources().db, second)
    page = open_page("live", patient=first)
    page.selectbox[0].select(second).run()
    assert (page.query_params["patient"], drawn[-1]) == (second, (second, True))


def test_of_nobody_everyone_in_view_is_asked_first(enter, drawn):
    enter()
    page = open_page("live")
    page.selectbox[0].select("nobody").run()
    assert drawn == []
    page.checkbox(key="in_view_agree").check().run()
    assert drawn[-1] == (None, False)
