"""Who is the patient: candidates, the automatic choice, and what is kept."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from clinic.jobs import faces, progress, tracks
from db.models import Job, JobState, Recording, Sample
from db.records import save_results
from fer_core.errors import FerError
from tests.clinic.fakes import result


@pytest.fixture
def recording(db, patient):
    """Return a function that stores a recording whose faces are given as the tracks of each moment."""

    def store(moments, kind="video", state=JobState.CHOOSING):
        now = datetime.now(UTC)
        with db.session() as session:
            stored = Recording(
                patient_id=patient, kind=kind, recorded_on=date(2026, 2, 3), created_at=now, settings={"every_s": 0.2}
            )
            session.add(stored)
            session.flush()
            session.add(Job(recording_id=stored.id, state=state.value, created_at=now))
            save_results(session, stored.id, [result(index, *seen) for index, seen in enumerate(moments)])
            return stored.id

    return store


def rows(db, recording_id):
    with db.read() as session:
        found = session.execute(
            select(Sample.frame_index, Sample.track, Sample.status, Sample.happy)
            .where(Sample.recording_id == recording_id)
            .order_by(Sample.frame_index, Sample.track)
        )
        return [tuple(row) for row in found]


def test_candidates_are_those_seen_with_the_one_seen_most_first(db, settings, recording, who):
    recording_id = recording([(0, 1), (0, 1), (0,), (2,), ()])
    found = faces.candidates(db, settings, who, recording_id)
    assert [(face.track, face.share) for face in found] == [(0, 0.6), (1, 0.4), (2, 0.2)]
    assert [face.suggested for face in found] == [True, False, True]
    assert (found[2].first_s, found[2].last_s) == (pytest.approx(0.6), pytest.approx(0.6))
    assert found[0].thumbnail is None
    assert [face.met for face in found] == [{1}, {0}, frozenset()]


def test_choosing_keeps_one_person_and_leaves_gaps(db, settings, recording, who):
    recording_id = recording([(0, 1), (1,), (0,), ()])
    faces.choose_track(db, settings, who, recording_id, 0)
    assert [(index, track, status) for index, track, status, _ in rows(db, recording_id)] == [
        (0, 0, "ok"),
        (1, -1, "others"),
        (2, 0, "ok"),
        (3, -1, "no_face"),
    ]
    with db.read() as session:
        stored = session.get_one(Recording, recording_id)
        assert stored.patient_track == 0
        assert stored.summary is not None
        choice = stored.settings["face_choice"]
        assert choice == {"how": "clinician", "tracks": [0], "left_out": [0.5]}
        assert stored.settings["every_s"] == 0.2
    assert progress.status(db, who, recording_id).state is JobState.DONE


def test_several_tracks_may_be_one_person(db, settings, recording, who):
    recording_id = recording([(0, 1), (0, 1), (0,), (2, 1), (2,)])
    faces.choose_track(db, settings, who, recording_id, {2, 0})
    kept = rows(db, recording_id)
    assert [(index, track) for index, track, *_ in kept] == [(index, 0) for index in range(5)]
    assert kept[4][3] == pytest.approx(result(4, 2).faces[0].probabilities[3])


def test_two_who_are_seen_together_are_not_one_person(db, settings, recording, who):
    recording_id = recording([(0,)] * 20 + [(0, 1)] + [(1,)] * 20)
    before = rows(db, recording_id)
    with pytest.raises(FerError) as refusal:
        faces.choose_track(db, settings, who, recording_id, {0, 1})
    assert refusal.value.code == "two_people"
    assert "At 4.0 s several of these faces are seen" in refusal.value.message
    assert rows(db, recording_id) == before
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING


def test_passers_by_are_not_offered_unless_there_are_none_else(db, settings, recording, who):
    crowd = recording([(0, 1)] * 20 + [(0, 1, 2)])
    assert [face.track for face in faces.candidates(db, settings, who, crowd)] == [0, 1]
    glimpses = recording([(0,), (1,)] + [()] * 50)
    assert [face.track for face in faces.candidates(db, settings, who, glimpses)] == [0, 1]


@pytest.mark.parametrize("wrong", [[7], [], [0, 7], [-1]], ids=str)
def test_an_unknown_face_changes_nothing(db, settings, recording, wrong, who):
    recording_id = recording([(0, 1), (1,)])
    before = rows(db, recording_id)
    with pytest.raises(ValueError, match="face"):
        faces.choose_track(db, settings, who, recording_id, wrong)
    assert rows(db, recording_id) == before
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING


@pytest.mark.parametrize(
    ("moments", "kind", "how"),
    [
        ([(0,), (), (0,)], "video", "only"),
        ([(), ()], "video", "only"),
        ([(0,)] * 29 + [(0, 1)], "video", "others_negligible"),
        ([(0, 1), (0, 1), (0,)], "video", None),
        ([(0,)] * 10 + [(1,)] * 10, "video", None),
        ([(0, 1)], "pictures", None),
        ([(0,)], "pictures", "only"),
        ([(), (0,), ()], "pictures", "only"),
        ([(0,), (1,)], "pictures", None),
        ([(0,), (0,)], "pictures", None),
    ],
    ids=[
        *("one", "nobody", "passer-by", "two", "one-after-the-other", "group-picture", "picture", "in-one-picture"),
        *("each-alone", "each-alone-in-one-number"),
    ],
)
def test_nothing_is_asked_where_there_is_nothing_to_ask(db, recording, moments, kind, how):
    recording_id = recording(moments, kind, JobState.RUNNING)
    with db.session() as session:
        stored = session.get_one(Recording, recording_id)
        assert tracks.choose_automatically(session, stored) is (how is not None)
        reported = stored.settings.get("face_choice")
        assert (reported and reported["how"]) == how
    if how is None:
        assert len(rows(db, recording_id)) == sum(max(1, len(seen)) for seen in moments)
    else:
        assert len(rows(db, recording_id)) == len(moments)
