"""What is drawn each second while an analysis runs."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from clinic import words
from clinic.accounts import sessions
from clinic.accounts.accounts import grant
from clinic.jobs import faces, jobs, previews, progress, tracks
from clinic.patients import caseload, conditions, edits
from clinic.patients.conditions import ConditionKind
from clinic.patients.fields import PatientFields
from clinic.recordings.uploads import Upload
from db.models import Job, JobState, Recording, Role, Sample, new_id
from db.records import save_results
from fer_core.types import Box
from pages import session
from pages.views.faces import CELL_PX, FEW
from pages.views.follow import progress_text
from tests.clinic.fakes import result
from tests.consents import agree
from tests.doors import statements
from tests.media import scene, somebody_else
from web.resources import resources


def running(recording_id, who):
    from pages.views.follow import _running

    _running(recording_id, False, who)


def test_each_second_costs_two_queries(settings, enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Invented Person")
    agree(db, patient_id)
    upload = Upload(new_id(), "visit", "0" * 64, 5, "video")
    queued = jobs.enqueue(db, settings, who, patient_id, [upload], date(2026, 1, 1), model_sha256="m")
    with statements(db) as asked:
        page = AppTest.from_function(running, args=(queued.recording_id, who), default_timeout=60).run()
    assert not page.exception
    assert [button.label for button in page.button] == ["Cancel"]
    assert len(asked) == 2, asked


def test_to_cancel_is_asked_with_the_patient_and_the_day(recording, settings):
    _, recording_id = recording(JobState.QUEUED, [])
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    for answer, state in (("Leave everything as it is", JobState.QUEUED), ("Cancel the analysis", JobState.CANCELLED)):
        next(one for one in page.button if one.label == "Cancel").click().run()
        assert "**Invented Person**, recorded on" in " ".join(one.value for one in page.markdown)
        next(one for one in page.button if one.label == answer).click().run()
        assert not page.exception
        with resources().db.read() as session:
            assert session.scalar(select(Job.state).where(Job.recording_id == recording_id)) == state.value


def following(recording_id):
    from pages import clicks
    from pages.views.follow import follow

    with clicks.run():
        follow(recording_id)


@pytest.fixture
def recording(settings, enter):
    """Return a function that stores a recording with these faces at each moment, in this stage of its job."""

    def store(state, moments, kind="video"):
        who, db = enter(), resources().db
        patient_id = caseload.add_patient(db, who, "Invented Person")
        agree(db, patient_id)
        now = datetime.now(UTC)
        with db.session() as writing:
            stored = Recording(patient_id=patient_id, kind=kind, recorded_on=date(2026, 2, 3), created_at=now)
            writing.add(stored)
            writing.flush()
            writing.add(Job(recording_id=stored.id, state=state.value, created_at=now))
            every_s = 1.0 if kind == "pictures" else 0.2
            found = [result(index, *seen, every_s=every_s) for index, seen in enumerate(moments)]
            save_results(writing, stored.id, found)
            if state is JobState.DONE:
                tracks.choose_automatically(writing, stored)
            return patient_id, stored.id

    return store


def test_a_video_without_any_face_has_no_green_tick(recording):
    _, recording_id = recording(JobState.DONE, [()] * 400)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.success
    assert [said.value for said in page.warning] == ["Analysed: no face was found."]


def test_a_recording_that_counts_has_one(recording):
    _, recording_id = recording(JobState.DONE, [(0,)] * 400)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert [said.value for said in page.success] == ["The analysis is complete."]


def test_under_a_condition_of_the_face_nothing_is_called_complete(recording, enter):
    patient_id, recording_id = recording(JobState.DONE, [(0,)] * 400)
    who = enter("Colleague")
    with resources().db.session() as open_session:
        grant(open_session, who.account_id, patient_id)
    conditions.add(resources().db, who, patient_id, ConditionKind.COVERED, date(2026, 2, 1))
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.success
    assert any("It does not count in the trend. Its labels are not interpreted" in said.value for said in page.info)


def test_a_short_recording_says_its_own_reason(recording):
    _, recording_id = recording(JobState.DONE, [(0,)] * 50)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.success
    [said] = page.warning
    assert said.value == "Analysed. It does not count in the trend: less than 60 s of usable face."


def test_one_who_may_not_choose_sees_that_somebody_has_to(recording, enter):
    patient_id, recording_id = recording(JobState.CHOOSING, [(0, 1)] * 4)
    viewer = enter("Viewer", Role.VIEWER)
    with resources().db.session() as open_session:
        grant(open_session, viewer.account_id, patient_id)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.error
    assert not page.checkbox
    assert [said.value for said in page.warning] == ["Several faces were seen: choose the patient's."]


@pytest.mark.parametrize(("in_view", "wide"), [(FEW, 0), (FEW + 2, CELL_PX)])
def test_many_faces_share_lines_so_that_the_page_is_not_endless(recording, in_view, wide):
    _, recording_id = recording(JobState.CHOOSING, [tuple(range(in_view))] * 4)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.exception
    cells = [one for one in blocks(page.main) if any(child.type == "checkbox" for child in one.children.values())]
    assert [one.proto.width_config.pixel_width for one in cells] == [wide] * in_view


def blocks(block):
    """A block of the page and all blocks in it."""
    inner = [child for child in block.children.values() if hasattr(child, "children")]
    return [block, *(found for one in inner for found in blocks(one))]


def test_faces_that_look_alike_are_to_be_compared_and_none_is_ticked(recording, settings):
    _, recording_id = recording(JobState.CHOOSING, [(0,)] * 4 + [(1,)] * 4 + [(2,)] * 4)
    face = Box(130, 60, 230, 190)
    for track, picture in enumerate((scene(), somebody_else(), scene(left=61))):
        previews.write_thumbnail(settings, recording_id, track, picture, face)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.exception
    assert not any("probably" in said.value for said in page.caption), "two people were said to be one"
    proposed = [said.value for said in page.caption if "look alike in colours" in said.value]
    assert [said[:17] for said in proposed] == ["Face 1 and face 3"]
    assert "compare the pictures" in proposed[0]
    assert [box.value for box in page.checkbox] == [False] * 3


def test_the_face_of_each_picture_is_asked_about_and_those_alone_are_ticked_at_once(recording, settings):
    _, recording_id = recording(JobState.CHOOSING, [(0,), (1,), (2, 3), (), (4,)], "pictures")
    for track in range(5):
        previews.write_thumbnail(settings, recording_id, track, scene(), Box(130, 60, 230, 190))
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.exception
    assert "Whose faces are these?" in [said.value for said in page.header]
    labels = ["Picture 1", "Picture 2", "Picture 5", "Picture 3, face 1 of 2", "Picture 3, face 2 of 2"]
    assert [(box.label, box.value) for box in page.checkbox] == [(label, False) for label in labels]
    assert not any("alike" in said.value for said in page.caption), "pictures are not compared"
    button(page, "All 3 pictures with one face show Invented Person").click().run()
    assert [box.value for box in page.checkbox] == [True] * 3 + [False] * 2
    page.checkbox[1].uncheck()
    page.checkbox[4].check()
    button(page, "This is the patient").click().run()
    assert not page.error
    with resources().db.read() as reading:
        kept = reading.execute(select(Sample.frame_index, Sample.track).order_by(Sample.frame_index)).all()
    assert [tuple(row) for row in kept] == [(0, 0), (1, -1), (2, 0), (3, -1), (4, 0)]


def test_more_faces_than_a_page_can_send_are_not_asked_about(recording, monkeypatch):
    monkeypatch.setattr("pages.views.picture_faces.MOST_FACES", 3)
    _, recording_id = recording(JobState.CHOOSING, [(0, 1), (2, 3)], "pictures")
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert not page.exception
    assert not page.checkbox
    assert "show 4 faces; this page can ask about 3 at most" in page.warning[-1].value
    button(page, "The patient is not there").click().run()
    assert not page.exception


def test_ticks_made_before_the_patient_was_renamed_choose_nothing(recording):
    patient_id, recording_id = recording(JobState.CHOOSING, [(0,), (1,)], "pictures")
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    button(page, "All 2 pictures with one face show Invented Person").click().run()
    db, who = resources().db, sessions.actor_of(resources().db, session.token())
    edits.edit_patient(db, who, patient_id, 1, PatientFields("Somebody Else"))
    button(page, "This is the patient").click().run()
    assert [box.value for box in page.checkbox] == [False] * 2
    assert "Somebody Else" in [said.value for said in page.title]
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING


def button(page, label):
    return next(one for one in page.button if one.label == label)


def test_what_waits_for_a_choice_is_not_called_being_analysed(recording, settings, enter):
    recording(JobState.CHOOSING, [(0, 1)] * 4)
    who = sessions.actor_of(resources().db, session.token())
    [job] = progress.active(resources().db, settings, who)
    assert progress_text(job.status, pictures=False) == "Several faces were seen: choose the patient's."


def test_the_second_half_of_a_double_click_finds_the_choice_made(recording, monkeypatch):
    _, recording_id = recording(JobState.CHOOSING, [(0, 1)] * 4)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    choose = faces.choose_track

    def beside_the_first_click(*arguments):
        choose(*arguments)
        choose(*arguments)

    monkeypatch.setattr(faces, "choose_track", beside_the_first_click)
    page.checkbox[0].check()
    next(button for button in page.button if button.label == "This is the patient").click().run()
    assert not page.error
    assert progress.status(resources().db, sessions.actor_of(resources().db, session.token()), recording_id).finished


def test_whether_the_earlier_result_shows_the_same_person_is_asked(recording):
    """It was deleted with what had been said of it, and the page spoke of "everyone else" alone."""
    _, first = recording(JobState.DONE, [(0,)] * 4)
    with resources().db.session() as writing:
        earlier = writing.get_one(Recording, first)
        now = datetime.now(UTC)
        version = Recording(
            patient_id=earlier.patient_id,
            kind="video",
            recorded_on=earlier.recorded_on,
            created_at=now,
            version_of=first,
            current=False,
        )
        writing.add(version)
        writing.flush()
        writing.add(Job(recording_id=version.id, state=JobState.CHOOSING.value, created_at=now))
        save_results(writing, version.id, [result(index, 1, 2) for index in range(4)])
        waiting = version.id
    page = AppTest.from_function(following, args=(waiting,), default_timeout=60).run()
    page.checkbox[0].check()
    next(button for button in page.button if button.label == "This is the patient").click().run()
    assert any("Please say" in said.value for said in page.warning)
    asked = next(one for one in page.selectbox if "same person" in one.label)
    asked.select("same")
    page.checkbox[0].uncheck()
    next(button for button in page.button if button.label == "This is the patient").click().run()
    assert any("Please tick" in said.value for said in page.warning)
    # Another result comes in: the answer was not about that one.
    with resources().db.session() as writing:
        earlier = writing.get_one(Recording, first)
        copied = {column.name: getattr(earlier, column.name) for column in Recording.__table__.columns}
        later = {"id": new_id(), "number": 99, "version_of": first, "current": False, "model_sha256": "later"}
        writing.add(Recording(**copied | later))
    page.run()
    asked = next(one for one in page.selectbox if "same person" in one.label)
    assert asked.value is None
    page.checkbox[0].check()
    asked.select("same")
    next(button for button in page.button if button.label == "This is the patient").click().run()
    assert not page.error
    with resources().db.read() as reading:
        assert reading.get_one(Recording, waiting).current
        assert reading.get_one(Recording, first).summary is not None


def test_of_two_who_choose_the_face_at_once_the_second_is_told(recording, settings, enter, monkeypatch):
    patient_id, recording_id = recording(JobState.CHOOSING, [(0, 1)] * 4)
    mine = session.token()
    colleague = enter("Dr. Colleague")
    with resources().db.session() as open_session:
        grant(open_session, colleague.account_id, patient_id)
    monkeypatch.setattr("pages.session.token", lambda: mine)
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    choose = faces.choose_track

    def a_moment_after_the_colleague(db, settings, who, recording_id, ticked, seen, same):
        choose(db, settings, colleague, recording_id, [1], seen)
        choose(db, settings, who, recording_id, ticked, seen, same)

    monkeypatch.setattr(faces, "choose_track", a_moment_after_the_colleague)
    page.checkbox[0].check()
    next(button for button in page.button if button.label == "This is the patient").click().run()
    assert not page.error
    assert words.DECIDED_BY_OTHERS in [said.value for said in page.warning]
    with resources().db.read() as reading:
        kept = set(reading.scalars(select(Sample.track).where(Sample.recording_id == recording_id)))
    assert kept == {1}, "the colleague's choice stands"
    # It is said of this recording alone, and not to those who open it later.
    page = AppTest.from_function(following, args=(recording_id,), default_timeout=60).run()
    assert words.DECIDED_BY_OTHERS not in [said.value for said in page.warning]
