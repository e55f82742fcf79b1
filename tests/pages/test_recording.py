"""The recording's own page, without a browser: what it says first, its marks, and another recording beside it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update
from streamlit.testing.v1 import AppTest

from clinic import words
from clinic.access import Role
from clinic.accounts.accounts import grant
from clinic.admin import demo
from clinic.jobs.kept_faces import FacePicture
from clinic.patients import conditions
from clinic.patients.conditions import ConditionKind
from clinic.patients.doubts import ASKED
from clinic.patients.states import REPLACED, Replaced
from clinic.recordings import marks, readings
from clinic.recordings.playback import Kept
from clinic.recordings.verdicts import MarkFields, Verdict
from db.models import Job, JobState, Patient, Recording, Sample
from fer_core.types import Status
from tests import consents, doors
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
    visit = demo.InventedVisit(seed, 0.3, 0.2, minutes=2.0, usable=usable)
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


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.FAILED, JobState.CANCELLED])
def test_a_face_that_is_chosen_again_is_said_above_the_result(recordings, state):
    with resources().db.session() as session:
        first = session.get_one(Recording, recordings[0])
        copied = {name: getattr(first, name) for name in ("patient_id", "kind", "recorded_on", "visit_number")}
        settings = {"every_s": 0.2, ASKED: 1}
        again = Recording(**copied, version_of=first.id, current=False, settings=settings, created_at=first.created_at)
        session.add(again)
        session.flush()
        session.add(Job(recording_id=again.id, state=state.value, created_at=first.created_at))
    page = open_page(recordings[0])
    shown = [str(element.value) for element in [*page.warning, *page.info, *page.success]]
    doubt = [one for one in shown if "is being chosen again: the present result may show another person" in one]
    assert len(doubt) == (state is JobState.QUEUED)
    assert len([one for one in shown if "The result before it stands." in one]) == (state is not JobState.QUEUED)


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
    click(page, "Delete")
    assert "The stretch counts again." in said(page)
    assert marks.marks(db, who, recordings[0]), "it asks first"
    click(page, "Delete", last=True)
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
    assert "The patient's face was chosen again" in page.info[0].value
    [link] = [one for one in page.get("page_link") if one.proto.label == "Open the result that is shown"]
    assert f"id={shown}" in str(link.proto)
    next(one for one in page.button if one.label == "Delete this recording").click().run()
    assert any("The results of all its analyses" in one.value for one in page.markdown)


def click(page, label, last=False):
    """Press the first button of this name; `last`: the last one, which stands in the open window."""
    [one for one in page.button if one.label == label][-1 if last else 0].click()
    page.run()
    assert not page.exception, page.exception


@pytest.mark.parametrize(
    ("choice", "says", "not_said"),
    [
        ({"how": "only", "tracks": [0], "left_out": []}, words.TAKEN_TOGETHER, "One face was seen"),
        (
            {"how": "clinician", "tracks": [0, 3], "left_out": [0.2]},
            f"A user chose the patient's face. {words.TAKEN_TOGETHER} Not chosen: 1 face; their results were deleted.",
            "Also seen",
        ),
        (
            {"how": "clinician", "tracks": [0, 1, 2], "left_out": [0.2, 0.2], "pictures": 3},
            "A user chose the patient's face in 3 pictures, each by itself. Not chosen: 2 faces; their results were",
            "not compared",
        ),
    ],
    ids=["joined", "chosen-joined", "one-by-one"],
)
def test_the_sentence_on_whose_face_it_is_is_true_of_pictures(recordings, choice, says, not_said):
    """Of two people, each alone in a picture, the page said that one face was seen."""
    with resources().db.session() as session:
        stored = session.get_one(Recording, recordings[0])
        stored.kind, stored.duration_s, stored.settings = "pictures", None, {"face_choice": choice}
    found = said(open_page(recordings[0]))
    assert says in found
    assert not_said not in found


def test_a_picture_of_somebody_else_is_marked_and_counts_nowhere(recordings, who):
    db, one = resources().db, recordings[0]
    with db.session() as session:
        stored = session.get_one(Recording, one)
        stored.kind, stored.duration_s = "pictures", None
        stored.settings = {"face_choice": {"how": "clinician", "tracks": [0], "left_out": [0.5]}}
        times = session.scalars(select(Sample.time_s).where(Sample.recording_id == one).order_by(Sample.time_s)).all()
        session.execute(delete(Sample).where(Sample.recording_id == one, Sample.time_s > times[4]))
        for number, time_s in enumerate(times[:5]):
            session.execute(
                update(Sample).where(Sample.recording_id == one, Sample.time_s == time_s).values(time_s=float(number))
            )
    page = open_page(one)
    assert "If a picture still shows another person, mark it as not the patient: see Whose face." in said(page)
    assert "Whose face" in [header.value for header in page.header]
    page.number_input[0].set_value(5)
    click(page, "This is not the patient")
    [mark] = marks.marks(db, who, one)
    assert (mark.said.begin_s, mark.said.end_s, mark.said.verdict) == (4.0, 5.0, Verdict.NOT_PATIENT)
    assert readings.samples(db, who, one).series.statuses.count(Status.NOT_PATIENT) == 1
    assert "Marked as not the patient: picture 5." in said(page)
    click(page, "Delete")
    click(page, "Delete", last=True)
    assert marks.marks(db, who, one) == []


def test_under_a_condition_of_the_face_another_person_is_marked_and_no_label_is_said(recordings, patient, who):
    db, one = resources().db, recordings[0]
    marks.add(db, who, one, MarkFields(0.0, 2.0, Verdict.OTHER, "sad"))
    marks.add(db, who, one, MarkFields(3.0, 4.0, Verdict.NOT_PATIENT))
    with db.read() as session:
        on = session.get_one(Recording, one).recorded_on
    for kind in (ConditionKind.COVERED, ConditionKind.OTHER):
        conditions.add(db, who, patient, kind, on, "mask")
    page = open_page(one)
    assert "Marked as not the patient: 0:03.0 to 0:04.0." in said(page)
    assert "Marks (1)" in [one.label for one in page.expander]
    assert "sad" not in said(page).lower()
    assert "mask, mask" not in " ".join(one.value for one in page.info)
    begin, end = page.number_input
    begin.set_value(10.0)
    end.set_value(12.0)
    click(page, "This is not the patient")
    assert [mark.said.begin_s for mark in marks.marks(db, who, one)] == [0.0, 3.0, 10.0]


def test_a_label_of_another_model_names_its_model(recordings, who):
    db, one = resources().db, recordings[0]
    series = readings.samples(db, who, one).series
    at_s = float(series.time_s[series.statuses.index(Status.OK)])
    marks.add(db, who, one, MarkFields(at_s, at_s + 0.01, Verdict.OTHER, "sad"))
    [mark] = marks.marks(db, who, one)
    assert " · model: " in said(open_page(one)).replace("\\", "")
    with db.session() as session:
        session.get_one(Recording, one).model_sha256 = "c" * 64
    page = open_page(one)
    assert f" · model {(mark.model_sha256 or 'unknown')[:8]}: " in said(page).replace("\\", "")
    click(page, "Change")
    assert "said of the labels shown here, of model cccccccc." in said(page)


def test_another_recording_is_put_beside_the_result_as_analysed(recordings, who, monkeypatch):
    db, one = resources().db, recordings[0]
    marks.add(db, who, one, MarkFields(0.0, 60.0, Verdict.OTHER, "fear"))
    beside, below = [], []
    monkeypatch.setattr(
        "pages.views.recording.show_compare", lambda patient, recording, result: beside.append(result.reading.shares)
    )
    monkeypatch.setattr("pages.views.recording.show_reading", lambda result, name: below.append(result.reading.shares))
    page = open_page(one)
    page.session_state[f"series_{one}"] = "marked"
    page.run()
    assert not page.exception
    assert np.array_equal(beside[-1], beside[0])
    assert not np.array_equal(below[-1], below[0])


def test_who_judges_blind_sees_no_impression_of_a_colleague(recordings, patient, who, enter, monkeypatch):
    db, one = resources().db, recordings[0]
    marks.add(db, who, one, MarkFields(10.0, 14.0, Verdict.IMPRESSION, "sad"))
    colleague = doors.actor(db, "Colleague")
    with db.session() as session:
        grant(session, colleague.account_id, patient)
    marks.add(db, colleague, one, MarkFields(30.0, 34.0, Verdict.IMPRESSION, "fear"))
    monkeypatch.setattr("pages.views.recording.kept_video", lambda recording: Kept("m", "video/mp4"))
    page = open_page(one)
    page.toggle[0].set_value(True).run()
    assert not page.exception
    assert "0:10.0: " in said(page)
    assert "0:30.0: " not in said(page)
    assert "fear" not in said(page).lower()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("video", "Left out, as damaged or without a usable time: 31 frames."),
        (
            "pictures",
            "Of a file of several pictures (an animation, pages), only the first is read: 31 pictures left out.",
        ),
    ],
)
def test_what_was_left_out_is_counted(recordings, kind, says):
    with resources().db.session() as session:
        recording = session.get_one(Recording, recordings[0])
        recording.kind, recording.damaged_frames = kind, 31
    assert says in [caption.value for caption in open_page(recordings[0]).caption]


@pytest.mark.parametrize(("kept", "said_of_it"), [(True, words.KEPT_FACES_BESIDE), (False, words.KEPT_FACES)])
def test_small_pictures_are_said_to_be_all_only_where_the_video_is_not_kept(recordings, monkeypatch, kept, said_of_it):
    monkeypatch.setattr("clinic.jobs.kept_faces.shown", lambda *asked: [FacePicture(1.0, b"x")])
    monkeypatch.setattr("clinic.recordings.playback.kept", lambda *asked: Kept("m", None) if kept else None)
    captions = [caption.value for caption in open_page(recordings[0]).caption]
    assert [one for one in captions if "small pictures of the face" in one] == [said_of_it]
