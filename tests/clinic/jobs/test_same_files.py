"""The same file for another patient: said before anything starts, and of patients of others no more than that."""

from datetime import date

import pytest
from sqlalchemy import select

from clinic.jobs import control, jobs
from clinic.jobs.same_files import elsewhere, here
from clinic.patients import caseload
from db.models import Job
from tests import consents, doors

DAY = date(2026, 5, 4)


@pytest.fixture
def other(db, who):
    return caseload.add_patient(db, who, "Other Person")


@pytest.fixture
def stored(db, settings, who, patient, an_upload):
    """The hashes of two pictures that are stored for the patient."""
    files = [an_upload("image"), an_upload("image")]
    jobs.enqueue(db, settings, who, patient, files, DAY, model_sha256="m")
    return [file.sha256 for file in files]


def test_a_file_of_an_own_patient_is_shown_with_whose_it_is(db, who, other, patient, stored):
    found = elsewhere(db, who, other, list(reversed(stored)))
    assert ([(one.id, one.visit_number) for one in found.seen], found.more) == ([(patient, 1)], False)
    assert elsewhere(db, who, patient, stored) == elsewhere(db, who, other, ["0" * 64])


def test_a_file_of_somebody_else_s_patient_names_nobody(db, stored):
    foreign = doors.actor(db, "Dr. Foreign")
    found = elsewhere(db, foreign, caseload.add_patient(db, foreign, "Own Person"), stored)
    assert (found.seen, found.more) == ((), True)


def hand_in(db, settings, who, patient, an_upload, *contents):
    consents.agree(db, patient)
    files = [an_upload("image", content) for content in contents]
    return jobs.enqueue(db, settings, who, patient, files, DAY, model_sha256="m"), files


def test_a_picture_of_a_stored_set_is_its_duplicate_when_it_comes_alone(db, settings, who, patient, an_upload):
    whole, files = hand_in(db, settings, who, patient, an_upload, b"one", b"two", b"three")
    for contents in ((b"two",), (b"three", b"one")):
        found, again = hand_in(db, settings, who, patient, an_upload, *contents)
        assert found == jobs.Enqueued(whole.recording_id, duplicate=True)
        assert not any(file.path.exists() for file in again)
        [(reported, count)] = here(db, who, patient, [file.sha256 for file in again])
        assert (reported.visit_number, count) == (1, len(contents))
    assert all(file.path.exists() for file in files)


def test_a_set_with_a_picture_that_is_stored_alone_says_how_many_count_twice(db, settings, who, patient, an_upload):
    hand_in(db, settings, who, patient, an_upload, b"one")
    found, files = hand_in(db, settings, who, patient, an_upload, b"one", b"two")
    assert (found.duplicate, found.counted_twice, found.also_elsewhere) == (False, 1, False)
    reported = here(db, who, patient, [file.sha256 for file in files])
    assert [(one.visit_number, count) for one, count in reported] == [(1, 1), (2, 2)]


@pytest.mark.parametrize(("first", "second"), [([b"one", b"two"], [b"two"]), ([b"one"], [b"two", b"one"])])
def test_a_picture_among_others_of_another_patient_is_reported(
    db, settings, who, patient, other, an_upload, first, second
):
    hand_in(db, settings, who, patient, an_upload, *first)
    found, files = hand_in(db, settings, who, other, an_upload, *second)
    assert (found.duplicate, found.counted_twice, found.also_elsewhere) == (False, 0, True)
    assert [one.id for one in elsewhere(db, who, other, [file.sha256 for file in files]).seen] == [patient]


def test_a_picture_that_comes_twice_is_taken_once(db, settings, who, patient, an_upload):
    found, files = hand_in(db, settings, who, patient, an_upload, b"one", b"two", b"one")
    assert [file.path.exists() for file in files] == [True, True, False]
    assert found.came_twice == 1
    with db.read() as session:
        sources = session.scalars(select(Job.sources).where(Job.recording_id == found.recording_id)).one()
    assert [source["id"] for source in sources] == [file.id for file in files[:2]], "the order is the user's"
    assert hand_in(db, settings, who, patient, an_upload, b"two", b"one")[0].recording_id == found.recording_id


def test_a_set_that_was_cancelled_holds_nothing(db, settings, who, patient, an_upload):
    whole, _ = hand_in(db, settings, who, patient, an_upload, b"one", b"two")
    control.cancel(db, settings, who, whole.recording_id)
    found, _ = hand_in(db, settings, who, patient, an_upload, b"two")
    assert (found.duplicate, found.counted_twice) == (False, 0)


def test_the_same_files_as_a_second_recording_name_the_first(db, settings, who, patient, an_upload):
    """By another model with another day, and by other sampling; one that left nothing is not named."""

    def video(day, model, every_s):
        files = [an_upload("video", b"same")]
        return jobs.enqueue(db, settings, who, patient, files, day, every_s=every_s, model_sha256=model)

    first = video(DAY, "old", 0.2)
    assert first.also_here == ()
    second = video(DAY.replace(day=5), "new", 0.2)
    third = video(DAY, "old", 0.5)
    assert [one for one, _ in second.also_here] == [first.recording_id]
    assert [one for one, _ in third.also_here] == [first.recording_id, second.recording_id]
    assert [(one.visit_number, one.recorded_on) for _, one in second.also_here] == [(1, DAY)]
    assert (second.duplicate, third.duplicate) == (False, False)
    control.cancel(db, settings, who, first.recording_id)
    again = video(DAY.replace(day=6), "newer", 0.2)
    assert [one for one, _ in again.also_here] == [second.recording_id, third.recording_id]
