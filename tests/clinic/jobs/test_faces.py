"""Whose face: a face that turns into somebody else is split, and a choice is made again while the file is kept."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from sqlalchemy import select

from clinic.conflicts import ConflictError
from clinic.jobs import faces, previews, tracks
from clinic.patients import caseload, edits
from clinic.patients.doubts import ASKED
from clinic.patients.fields import PatientFields
from clinic.recordings import marks
from clinic.recordings.verdicts import MarkFields, Verdict
from db.models import AuditRow, Job, JobState, Recording, RecordingMark, Sample
from db.records import load_samples, save_results
from fer_core.errors import FerError
from fer_core.types import Box
from tests.clinic.fakes import result


@pytest.fixture
def recording(db, patient):
    """Return a function that stores a recording of these tracks a moment, and says its id."""

    def store(moments, state=JobState.CHOOSING, sources=(), settings=None):
        now = datetime.now(UTC)
        with db.session() as session:
            stored = Recording(
                patient_id=patient,
                kind="video",
                recorded_on=date(2026, 2, 3),
                created_at=now,
                settings={"every_s": 0.2, **(settings or {})},
            )
            session.add(stored)
            session.flush()
            session.add(Job(recording_id=stored.id, state=state.value, created_at=now, sources=list(sources)))
            save_results(session, stored.id, [result(index, *seen) for index, seen in enumerate(moments)])
            return stored.id

    return store


def tracks_of(db, recording_id):
    with db.read() as session:
        return load_samples(session, recording_id).track.tolist()


def picture(settings, recording_id, track, at_s, value):
    rgb = np.full((90, 160, 3), value, np.uint8)
    previews.write_thumbnail(settings, recording_id, track, rgb, Box(10, 10, 60, 60), at_s)


def test_a_face_that_turns_into_somebody_else_is_chosen_up_to_there(db, settings, recording, who):
    recording_id = recording([(0,)] * 10 + [(0, 1)] * 10)
    for at_s, value in ((0.4, 20), (2.2, 200)):
        picture(settings, recording_id, 0, at_s, value)
    faces.split(db, settings, who, recording_id, 0, 2.0, seen=faces.drawn(db, who, recording_id))
    found = {one.track: one for one in faces.candidates(db, settings, who, recording_id)}
    assert {track: one.spans for track, one in found.items()} == {
        0: ((0.0, pytest.approx(2.0)),),
        1: ((pytest.approx(2.0), pytest.approx(4.0)),),
        2: ((pytest.approx(2.0), pytest.approx(4.0)),),
    }
    assert [at_s for at_s, _ in found[0].views] == [0.4]
    assert [at_s for at_s, _ in found[2].views] == [2.2]
    faces.choose_track(db, settings, who, recording_id, {0, 1}, seen=faces.drawn(db, who, recording_id))
    assert tracks_of(db, recording_id) == [0] * 20
    with db.read() as session:
        stored = session.get_one(Recording, recording_id)
        assert stored.settings["splits"] == [{"track": 0, "at_s": 2.0, "new": 2}]
        assert session.scalar(select(AuditRow.action).where(AuditRow.action == "face_split")) is not None


def test_a_short_part_is_offered_too(db, settings, recording, who):
    recording_id = recording([(0, 1)] * 100)
    faces.split(db, settings, who, recording_id, 0, 19.6)
    assert 2 in [one.track for one in faces.candidates(db, settings, who, recording_id)]


def test_a_choice_is_of_the_faces_that_were_shown(db, settings, recording, who):
    recording_id = recording([(0, 1)] * 10)
    seen = faces.drawn(db, who, recording_id)
    faces.split(db, settings, who, recording_id, 0, 1.0, seen=seen)
    before = tracks_of(db, recording_id)
    for late in (
        lambda: faces.split(db, settings, who, recording_id, 0, 0.4, seen=seen),
        lambda: faces.choose_track(db, settings, who, recording_id, 0, seen=seen),
    ):
        with pytest.raises(ConflictError):
            late()
    assert tracks_of(db, recording_id) == before


@pytest.mark.parametrize(("track", "at_s"), [(0, 0.0), (0, 99.0), (7, 1.0), (-1, 1.0)], ids=str)
def test_what_is_not_seen_on_both_sides_is_not_split(db, settings, recording, track, at_s, who):
    recording_id = recording([(0,), (0,), ()] * 5)
    before = tracks_of(db, recording_id)
    with pytest.raises(FerError) as refusal:
        faces.split(db, settings, who, recording_id, track, at_s)
    assert refusal.value.code == "nothing_to_split"
    assert tracks_of(db, recording_id) == before


def test_the_preview_of_the_later_part_is_not_the_earlier_one_s(db, settings, recording, who):
    recording_id = recording([(0,)] * 10 + [(0, 1)] * 10)
    last = result(19, 0)
    previews.write_preview(settings, recording_id, 3.8, np.full((90, 160, 3), 9, np.uint8), last.faces)
    faces.split(db, settings, who, recording_id, 0, 2.0)
    faces.choose_track(db, settings, who, recording_id, {0, 1})
    assert previews.read_preview(settings, recording_id) is None, "the patient is not in the picture that was kept"


def test_a_choice_is_made_again_from_the_kept_file(db, settings, recording, an_upload, who):
    file = an_upload()
    first = recording([(0,)] * 20, JobState.DONE, [file.as_source()])
    with db.session() as session:
        tracks.keep(session, session.get_one(Recording, first), [0], how="only")
    marks.add(db, who, first, MarkFields(0.0, 1.0, Verdict.NOT_PATIENT))
    assert faces.stays(db, settings, who, first) is None
    second = faces.choose_again(db, settings, who, first)
    with pytest.raises(FerError) as refusal:
        faces.choose_again(db, settings, who, first)
    assert refusal.value.code == "choice_stays"
    with db.session() as session:
        save_results(session, second, [result(index, 0, 1) for index in range(20)])
        version = session.get_one(Recording, second)
        assert version.version_of == first
        assert not version.current
        assert not tracks.choose_automatically(session, version), "somebody is asked, whoever was chosen before"
        session.scalars(select(Job).where(Job.recording_id == second)).one().state = JobState.CHOOSING.value
    faces.choose_track(db, settings, who, second, 1)
    with db.read() as session:
        assert [session.get_one(Recording, one).current for one in (first, second)] == [False, True]
        assert session.scalars(select(RecordingMark)).all() == [], "it was said of the face that was chosen before"
        assert len(load_samples(session, first)) == 0, "it is not the patient's"
        assert session.get_one(Recording, first).summary is None
    third = faces.choose_again(db, settings, who, second)
    assert third not in (first, second)


def test_one_face_alone_is_asked_about_too_where_it_is_chosen_again(db, recording):
    recording_id = recording([(0,)] * 10, JobState.RUNNING, settings={ASKED: 1})
    with db.session() as session:
        assert not tracks.choose_automatically(session, session.get_one(Recording, recording_id))


def test_without_the_file_it_is_said_that_the_choice_stays(db, settings, recording, who):
    recording_id = recording([(0,)] * 10, JobState.DONE)
    assert faces.stays(db, settings, who, recording_id) == faces.FILE_GONE
    with pytest.raises(FerError) as refusal:
        faces.choose_again(db, settings, who, recording_id)
    assert refusal.value.code == "choice_stays"
    with db.read() as session:
        assert len(session.scalars(select(Recording)).all()) == 1
        assert len(session.scalars(select(Sample)).all()) == 10


def test_few_pictures_along_a_long_video_are_kept(settings, recording):
    recording_id = recording([(0,)])
    for number in range(40):
        picture(settings, recording_id, 0, 10.0 * number, number)
    found = [at_s for at_s, _ in previews.views(settings, recording_id, 0)]
    assert len(found) <= previews.VIEWS_MOST
    assert found[0] == 0.0
    assert found[-1] >= 300.0


def test_a_choice_for_a_patient_who_was_renamed_meanwhile_is_refused(db, settings, recording, patient, who):
    recording_id = recording([(0,), (1,)])
    seen = faces.drawn(db, who, recording_id)
    edits.edit_patient(
        db, who, patient, caseload.get_patient(db, who, patient).revision, PatientFields("Somebody Else")
    )
    with pytest.raises(ConflictError, match="this patient"):
        faces.choose_track(db, settings, who, recording_id, 0, seen=seen)
    assert tracks_of(db, recording_id) == [0, 1]
    faces.choose_track(db, settings, who, recording_id, 0, seen=faces.drawn(db, who, recording_id))
