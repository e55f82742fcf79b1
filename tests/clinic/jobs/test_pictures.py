"""Pictures are not compared: each one's face has a number of its own, also where an earlier version joined them."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from sqlalchemy import select

from clinic.jobs import faces, pictures, previews
from db.models import Job, JobState, Recording, Sample
from db.records import save_results
from fer_core.errors import FerError
from fer_core.types import Box
from tests.clinic.fakes import result


@pytest.fixture
def joined(db, settings, patient):
    """Return a function that stores pictures as an earlier version did: the faces alone in theirs under one number."""

    def store(state):
        now = datetime.now(UTC)
        with db.session() as session:
            stored = Recording(patient_id=patient, kind="pictures", recorded_on=date(2026, 2, 3), created_at=now)
            session.add(stored)
            session.flush()
            sources = [{"id": f"{number:032}", "name": f"{number}.jpg"} for number in range(4)]
            session.add(Job(recording_id=stored.id, state=state.value, created_at=now, sources=sources))
            seen = [(0,), (0,), (1, 2), (0,)]
            save_results(session, stored.id, [result(index, *tracks, every_s=1.0) for index, tracks in enumerate(seen)])
            for track in range(3):
                picture = np.full((90, 160, 3), 90, np.uint8)
                previews.write_thumbnail(settings, stored.id, track, picture, Box(10, 10, 60, 60))
            return stored.id

    return store


def rows(db, recording_id):
    with db.read() as session:
        asked = select(Sample.frame_index, Sample.track).where(Sample.recording_id == recording_id)
        return [tuple(row) for row in session.execute(asked.order_by(Sample.frame_index, Sample.track))]


def test_what_waits_for_a_choice_since_an_earlier_version_is_asked_about_picture_by_picture(db, settings, joined, who):
    recording_id = joined(JobState.CHOOSING)
    found = faces.candidates(db, settings, who, recording_id)
    assert [(one.name, one.track, one.thumbnail is not None) for one in found] == [
        ("0.jpg", 3, False),
        ("1.jpg", 4, False),
        ("2.jpg", 1, True),
        ("2.jpg", 2, True),
        ("3.jpg", 5, False),
    ]
    assert [bool(one.met) for one in found] == [False, False, True, True, False]
    assert faces.candidates(db, settings, who, recording_id) == found
    faces.choose_track(db, settings, who, recording_id, [3, 5])
    assert rows(db, recording_id) == [(0, 3), (1, -1), (2, -1), (3, 3)]


def test_one_number_for_several_pictures_can_not_be_chosen(db, settings, joined, who):
    recording_id = joined(JobState.CHOOSING)
    with pytest.raises(ValueError, match="face"):
        faces.choose_track(db, settings, who, recording_id, [0])
    assert rows(db, recording_id) == [(0, 0), (1, 0), (2, 1), (2, 2), (3, 0)]


def test_two_faces_of_one_picture_are_refused_with_the_picture(db, settings, joined, who):
    recording_id = joined(JobState.CHOOSING)
    faces.candidates(db, settings, who, recording_id)
    with pytest.raises(FerError, match="In picture 3 several faces are ticked: they are different people"):
        faces.choose_track(db, settings, who, recording_id, [1, 2, 3])


def test_a_choice_that_was_made_stays_as_it_is(db, settings, joined, who):
    recording_id = joined(JobState.DONE)
    before = rows(db, recording_id)
    faces.candidates(db, settings, who, recording_id)
    assert rows(db, recording_id) == before


@pytest.mark.parametrize(
    ("kind", "choice", "stored", "together"),
    [
        ("pictures", {"how": "only", "tracks": [0]}, 3, True),
        ("pictures", {"how": "clinician", "tracks": [0, 4]}, 4, True),
        ("pictures", {"how": "clinician", "tracks": [3, 5]}, 2, False),
        ("pictures", {"how": "only", "tracks": [0]}, 1, False),
        ("pictures", {"how": "clinician", "tracks": [0], "pictures": 1}, 3, False),
        ("video", {"how": "only", "tracks": [0]}, 300, False),
    ],
    ids=["only", "chosen", "each-chosen", "one-face", "of-this-version", "video"],
)
def test_faces_that_were_joined_without_a_question_are_known(kind, choice, stored, together):
    assert pictures.taken_together(kind, choice, stored) is together
