"""The recording's own page, without a browser: what it says first, its marks, and another recording beside it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import insert
from streamlit.testing.v1 import AppTest

from clinic import words
from clinic.access import Role
from clinic.accounts.accounts import grant
from clinic.admin import demo
from clinic.recordings import marks
from clinic.recordings.states import REPLACED, Replaced
from clinic.recordings.verdicts import MarkFields, Verdict
from db.models import Job, JobState, Patient, Recording, Sample
from tests import consents
from tests.pages.test_pages import SHELL
from web.resources import resources


@pytest.fixture
def who(enter):
    """The clinician who is signed in."""
    return enter()


@pytest.fixture
def patient(who):
    """The id of a patient of the clinician's who agreed to everything."""
    with resources().db.session() as session:
        stored = Patient(name="Zed Zulu", created_at=datetime.now(UTC))
        session.add(stored)
        session.flush()
        grant(session, who.account_id, stored.id)
        patient_id = stored.id
    consents.agree(resources().db, patient_id)
    return patient_id


@pytest.fixture
def recordings(patient):
    """The ids of two analysed recordings of two minutes."""
    return [stored(patient, seed) for seed in (1, 2)]


def stored(patient, seed, usable=0.9):
    """Store an analysed recording of two minutes and return its id."""
    visit = demo.Visit(seed, 0.3, 0.2, minutes=2.0, usable=usable)
    recording, table = demo._recording(patient, visit, np.random.default_rng(seed))
    with resources().db.session() as session:
        session.add(recording)
        session.flush()
        session.add(Job(recording_id=recording.id, state=JobState.DONE.value, created_at=datetime.now(UTC)))
        session.execute(insert(Sample), demo._rows(recording.id, table))
        return recording.id


def open_page(recording_id):
    page = AppTest.from_file(str(SHELL), default_timeout=60).run()
    page.switch_page("recording.py")
    page.query_params["id"] = recording_id
    page.run()
    assert not page.exception, page.exception
    return page


def said(page):
    return " ".join(str(element.value) for element in [*page.title, *page.markdown, *page.caption, *page.header])


def test_the_first_screen_says_whose_it_is_and_what_was_found(recordings):
    page = open_page(recordings[0])
    assert [title.value for title in page.title][:1] == ["Zed Zulu"]
    assert "The face could be read in" in said(page)
    assert "usual range is not known yet" in said(page)
    assert "not feelings or a diagnosis" in said(page)


def test_a_mark_is_listed_and_deleted_as_it_was_seen(recordings, who):
    db = resources().db
    marks.add(db, who, recordings[0], MarkFields(10.0, 12.0, Verdict.EXCLUDE, reason="camera", note="tripod *fell*"))
    page = open_page(recordings[0])
    assert "camera moved or covered" in said(page)
    assert "As analysed" in str([control.options for control in page.button_group])
    [delete] = [button for button in page.button if button.label == "Delete"]
    delete.click().run()
    assert not page.exception
    assert marks.marks(db, who, recordings[0]) == []
    assert "camera moved or covered" not in said(page)


def test_where_nothing_is_usable_the_shares_say_so(patient):
    assert words.NO_SHARES not in said(open_page(stored(patient, 1)))
    assert words.NO_SHARES in said(open_page(stored(patient, 2, usable=0.0)))


def test_another_recording_stands_beside_it_with_both_shares(recordings):
    page = open_page(recordings[0])
    [beside] = [box for box in page.selectbox if box.label == "Compare with"]
    beside.select_index(0).run()
    assert not page.exception
    [table] = [found.value for found in page.dataframe if "Usable" in list(found.value.iloc[:, 0])]
    assert table.shape == (9, 3)


def test_a_colleague_without_the_patient_sees_a_refusal_and_no_name(recordings, enter):
    enter("Cora Invented", Role.CLINICIAN)
    page = open_page(recordings[0])
    assert "Zed Zulu" not in said(page)
    assert "not_your_patient" in said(page)


def test_a_version_in_whose_place_another_face_was_chosen_leads_to_the_one_that_is_shown(recordings):
    """It said that no result is stored, and its Delete took the result away that it didn't know of."""
    first, shown = recordings
    with resources().db.session() as session:
        earlier, later = session.get_one(Recording, first), session.get_one(Recording, shown)
        earlier.summary, earlier.current = None, False
        earlier.settings = {**earlier.settings, REPLACED: Replaced.CHOSEN.value}
        later.version_of, later.visit_number = first, earlier.visit_number
    page = open_page(first)
    assert "Another face was chosen as the patient's" in page.info[0].value
    [link] = [one for one in page.get("page_link") if one.proto.label == "Open the result that is shown"]
    assert f"id={shown}" in str(link.proto)
    next(one for one in page.button if one.label == "Delete this recording").click().run()
    assert any("The results of all its analyses" in one.value for one in page.markdown)
