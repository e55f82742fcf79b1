"""A new model makes a new version beside the old one, once, and is in nobody's way."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from clinic.__main__ import main
from clinic.access import Role
from clinic.accounts import accounts
from clinic.conflicts import ConflictError
from clinic.erasure import deletion
from clinic.jobs import control, faces, jobs, leases, progress, reanalysis
from clinic.patients import caseload
from clinic.patients.states import State
from clinic.recordings import marks, uploads
from clinic.recordings.verdicts import MarkFields, Verdict
from clinic.worker import analysis
from db.models import Job, JobState, Patient, Recording, Sample, StoredChunk
from db.records import clear_samples
from fer_core.errors import FerError
from storage.media import open_store
from tests import doors
from tests.clinic.fakes import FakeAnalyzer, blank_picture, expression
from tests.consents import agree, expire

OLD, NEW = "fake-model", "newer-model"


@pytest.fixture
def who(db):
    """An administrator, who has patients too."""
    return doors.actor(db, role=Role.ADMINISTRATOR)


@pytest.fixture
def settings(settings):
    return replace(settings, keep_files=True)


def analyzer(script, model=OLD, **others):
    made = FakeAnalyzer(script, **others)
    made.classifier.card.sha256 = model
    return made


@pytest.fixture
def run(db, settings):
    """Return a function that claims the next job and runs it."""

    def work(with_analyzer, **reporter):
        claimed = leases.claim(db)
        report = analysis.Reporter(db, claimed, every_s=0, **reporter)
        analysis.run(db, settings, claimed, lambda: with_analyzer, report)

    return work


@pytest.fixture
def analysed(db, settings, patient, an_upload, run, who):
    """Return a function that stores an analysed video and returns the recording's id."""

    def make(script=(((0,),) * 3,), whose=patient, model=OLD):
        upload = an_upload("video")
        asked = jobs.enqueue(db, settings, who, whose, [upload], date(2026, 5, 4), model_sha256=model)
        run(analyzer([list(chunk) for chunk in script], model))
        return asked.recording_id

    return make


def versions(db):
    with db.read() as session:
        found = session.execute(
            select(Recording.model_sha256, Recording.current, Recording.version_of).order_by(Recording.created_at)
        )
        return [tuple(row) for row in found]


def test_a_new_version_stands_beside_the_old_one_and_is_shown(db, settings, patient, analysed, run, who):
    first = analysed()
    started = reanalysis.start(db, settings, who, patient, NEW)
    assert (started.queued, started.up_to_date, started.without_file) == (1, 0, 0)
    assert [row.id for row in caseload.get_patient(db, who, patient).recordings] == [first], "until the new one is done"
    run(analyzer([[(0,)] * 3], NEW))
    assert versions(db) == [(OLD, False, None), (NEW, True, first)]
    [shown] = caseload.get_patient(db, who, patient).recordings
    assert shown.model_sha256 == NEW
    assert [row.model_sha256 for row in caseload.versions(db, who, shown.id)] == [NEW, OLD]
    assert len(caseload.samples(db, who, first)) == 3, "the old result is kept"
    assert caseload.list_patients(db, who)[0].recordings == 1


def test_the_same_wish_again_queues_nothing(db, settings, patient, analysed, run, who):
    analysed()
    assert reanalysis.start(db, settings, who, None, NEW).queued == 1
    again = reanalysis.start(db, settings, who, patient, NEW)
    assert (again.id, again.queued, again.up_to_date) == (None, 0, 1)
    run(analyzer([[(0,)] * 3], NEW))
    done = reanalysis.start(db, settings, who, patient, NEW)
    assert (done.queued, done.up_to_date) == (0, 1)
    assert leases.claim(db) is None


def test_a_model_that_was_there_before_is_shown_again_without_work(db, settings, analysed, run, who):
    first = analysed()
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0,)] * 3], NEW))
    reanalysis.start(db, settings, who, None, "third")
    run(analyzer([[(0,)] * 3], "third"))
    back = reanalysis.start(db, settings, who, None, NEW)
    assert (back.queued, back.up_to_date) == (0, 1)
    assert versions(db) == [(OLD, False, None), (NEW, True, first), ("third", False, first)]


def test_what_failed_or_was_dropped_is_tried_again(db, settings, analysed, run, who):
    analysed()
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([KeyError("broken")], NEW))
    [standing] = reanalysis.standings(db, who)
    assert (standing.failed, standing.finished) == (1, True)
    assert reanalysis.start(db, settings, who, None, NEW).queued == 1
    run(analyzer([[(0,)] * 3], NEW))
    assert [current for _, current, _ in versions(db)] == [False, True]
    assert reanalysis.standings(db, who) == []


def test_a_version_that_fails_takes_neither_file_nor_result_away(db, settings, analysed, run, who):
    first = analysed()
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0,)], FerError("It is broken.", "broken")], NEW))
    assert len(caseload.samples(db, who, first)) == 3
    assert reanalysis.start(db, settings, who, None, "third").queued == 1, "the file is still there"


def test_a_recording_without_its_file_is_counted(db, settings, patient, analysed, who):
    analysed()
    analysed()
    with db.read() as session:
        one = session.scalars(select(Job.sources)).first()[0]["id"]
    uploads.discard(settings, [one])
    started = reanalysis.start(db, settings, who, patient, NEW)
    assert (started.queued, started.without_file) == (1, 1)
    assert "was deleted" in started.sentence


@pytest.mark.parametrize("lacking", reanalysis.NEEDED)
def test_without_consent_nothing_is_looked_at_again(db, settings, patient, analysed, who, lacking):
    analysed()
    expire(db, patient, lacking)
    started = reanalysis.start(db, settings, who, patient, NEW)
    assert (started.queued, started.without_consent) == (0, 1)
    assert "consent is missing" in started.sentence


def test_one_patient_s_wish_leaves_the_others_alone(db, settings, patient, analysed, who):
    with db.session() as session:
        session.add(Patient(id="o" * 32, name="Someone Else", created_at=datetime.now(UTC)))
        session.flush()
        accounts.grant(session, who.account_id, "o" * 32)
    agree(db, "o" * 32)
    analysed()
    analysed(whose="o" * 32)
    assert reanalysis.start(db, settings, who, patient, NEW).queued == 1
    assert reanalysis.start(db, settings, who, None, NEW).queued == 1, "the other one"
    with pytest.raises(FerError) as refusal:
        reanalysis.start(db, settings, who, "0" * 32, NEW)
    assert refusal.value.code == "unknown_patient"


def test_the_clinician_s_choice_is_carried_over(db, settings, analysed, run, who):
    first = analysed([[(0, 1)] * 3, [(1,), (0, 1)]])
    faces.choose_track(db, settings, who, first, 1)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0, 1)] * 3, [(1,), (0, 1)]], NEW))
    with db.read() as session:
        version = session.scalar(select(Recording).where(Recording.version_of == first))
        assert version.job.state == JobState.DONE
        assert version.settings["face_choice"]["how"] == "carried"
        assert set(session.scalars(select(Sample.track).where(Sample.recording_id == version.id))) == {1}


def test_where_the_faces_lie_elsewhere_it_is_asked_again(db, settings, analysed, run, who):
    first = analysed([[(0, 1)] * 4])
    faces.choose_track(db, settings, who, first, 1)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0, 1), (0,), (0,), (0, 1)]], NEW))
    with db.read() as session:
        version = session.scalar(select(Recording).where(Recording.version_of == first))
        assert version.job.state == JobState.CHOOSING
        assert session.get_one(Recording, first).current
    faces.choose_track(db, settings, who, version.id, 0)
    assert [current for _, current, _ in versions(db)] == [False, True]


def state_of(db, recording_id):
    with db.read() as session:
        return session.scalar(select(Job.state).where(Job.recording_id == recording_id))


def other_than(db, *known):
    with db.read() as session:
        return session.scalar(select(Recording.id).where(Recording.id.not_in(known)))


def stored(db, recording_id):
    """How many samples a recording has, whether it is shown, and its settings."""
    with db.read() as session:
        recording = session.get_one(Recording, recording_id)
        count = select(func.count()).select_from(Sample).where(Sample.recording_id == recording_id)
        return session.scalar(count), recording.current, dict(recording.settings)


def test_where_another_face_was_chosen_meanwhile_that_one_is_taken(db, settings, analysed, run, who):
    """A reanalysis that was queued before took the face that is seen more, without asking."""
    script = [[(0, 1)] + [(0,)] * 43 + [(1,)]]
    first = analysed(script)
    again = faces.choose_again(db, settings, who, first)
    run(analyzer(script))
    reanalysis.start(db, settings, who, None, NEW)
    faces.choose_track(db, settings, who, again, 1)
    run(analyzer(script, NEW))
    version = other_than(db, first, again)
    assert stored(db, version)[2]["face_choice"]["tracks"] == [1]
    marks.add(db, who, version, MarkFields(0.0, 1.0, Verdict.NOT_PATIENT))


@pytest.fixture
def reopened(db, settings, analysed, run, who):
    """A recording, the version in which its face is to be chosen again, and a queued version of another model."""
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    again = faces.choose_again(db, settings, who, first)
    run(analyzer([[(0, 1)] * 10]))
    reanalysis.start(db, settings, who, None, NEW)
    return first, again, other_than(db, first, again)


def test_an_analysis_under_way_keeps_what_it_has_when_another_face_is_chosen(db, settings, run, who, reopened):
    """Half of its samples were deleted, and the rest was shown as the whole."""
    first, again, queued = reopened
    run(analyzer([[(0, 1)] * 5, lambda: faces.choose_track(db, settings, who, again, 1), [(0, 1)] * 5], NEW))
    assert (state_of(db, queued), stored(db, queued)[0]) == (JobState.DONE, 10)
    assert stored(db, queued)[2]["face_choice"]["tracks"] == [1]
    assert stored(db, first)[0] == 0


def test_a_version_that_waits_for_its_choice_keeps_its_faces(db, settings, run, who, reopened):
    """It lost them, and became the current version without any."""
    _, again, waiting = reopened
    run(analyzer([[(1, 2)] * 10], NEW))
    faces.choose_track(db, settings, who, again, 1)
    assert (state_of(db, waiting), stored(db, waiting)[0]) == (JobState.CHOOSING, 20)
    assert stored(db, again)[1]
    faces.choose_track(db, settings, who, waiting, 2)
    assert stored(db, again)[0] == 0, "another face than this one's"
    assert stored(db, waiting)[1]


def test_another_face_in_any_later_version_takes_the_earlier_results_and_marks_away(db, settings, analysed, run, who):
    """They went on to be shown as the patient's, and "not the patient" took the patient out of the new version."""
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    marks.add(db, who, first, MarkFields(0.0, 1.0, Verdict.NOT_PATIENT))
    marks.add(db, who, first, MarkFields(1.0, 1.9, Verdict.AGREE))
    marks.add(db, who, first, MarkFields(0.0, 2.0, Verdict.EVENT, reason="crying"))
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0, 1)] * 3 + [(1,)] * 3 + [(0, 1)] * 4], NEW))
    version = other_than(db, first)
    faces.choose_track(db, settings, who, version, 1)
    assert caseload.get_recording(db, who, version).usable_share == 1.0
    assert [one.said.verdict for one in marks.marks(db, who, version)] == [Verdict.EVENT]
    assert [one.id for one in caseload.versions(db, who, version)] == [version]
    assert caseload.get_recording(db, who, first).standing.state is State.REPLACED
    assert stored(db, first)[0] == 0


def test_the_same_face_in_a_later_version_takes_nothing_away(db, settings, analysed, run, who):
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    marks.add(db, who, first, MarkFields(1.0, 1.9, Verdict.AGREE))
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0, 1)] * 7 + [(1,)] * 3], NEW))
    version = other_than(db, first)
    assert state_of(db, version) == JobState.CHOOSING
    faces.choose_track(db, settings, who, version, 0)
    assert len(marks.marks(db, who, version)) == 1
    assert {one.id for one in caseload.versions(db, who, version)} == {first, version}


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("moved", [True, False], ids=["the boxes moved", "the samples are gone"])
def test_where_the_boxes_prove_nothing_the_user_says_whether_it_is_one_person(
    db, settings, analysed, run, who, same, moved
):
    """What had been said of the right face was deleted without a question."""
    first = analysed([[(0,)] * 20])
    marks.add(db, who, first, MarkFields(0.0, 1.0, Verdict.AGREE))
    if not moved:
        with db.session() as session:
            clear_samples(session, first)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(1, 2)] * 20], NEW))
    version = other_than(db, first)
    faces.choose_track(db, settings, who, version, 1, same=same)
    assert len(marks.marks(db, who, version)) == same
    assert {one.id for one in caseload.versions(db, who, version)} == ({first, version} if same else {version})


def test_of_two_open_questions_the_later_answer_takes_the_earlier_one_not_away_unseen(db, settings, analysed, run, who):
    """A colleague's choice, and what was marked on it, were deleted by one whose page had been open since before."""
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    again = faces.choose_again(db, settings, who, first)
    run(analyzer([[(0, 1)] * 10], OLD))
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(1, 2)] * 10], NEW))
    waiting = other_than(db, first, again)
    before = faces.drawn(db, who, waiting)
    faces.choose_track(db, settings, who, again, 1, seen=faces.drawn(db, who, again))
    with pytest.raises(ConflictError):
        faces.choose_track(db, settings, who, waiting, 2, seen=before, same=False)
    assert caseload.get_recording(db, who, again).usable_share == 1.0
    faces.choose_track(db, settings, who, waiting, 2, seen=faces.drawn(db, who, waiting), same=False)
    assert caseload.get_recording(db, who, again).standing.state is State.REPLACED


def test_marks_that_stay_name_what_the_model_said_of_the_new_face(db, settings, analysed, run, who):
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    with db.session() as session:
        for sample in session.scalars(select(Sample).where(Sample.recording_id == first)):
            sample.happy, sample.sad = 0.1, 0.8
    marks.add(db, who, first, MarkFields(0.0, 1.0, Verdict.EVENT, reason="crying"))
    assert [one.model_label for one in marks.marks(db, who, first)] == ["sad"]
    again = faces.choose_again(db, settings, who, first)
    run(analyzer([[(0, 1)] * 10]))
    faces.choose_track(db, settings, who, again, 1)
    assert [one.model_label for one in marks.marks(db, who, again)] == ["happy"]


def test_where_the_patient_is_not_there_no_earlier_choice_stays(db, settings, patient, analysed, run, who):
    """The window said that no result is kept, and the stranger's stayed as the patient's."""
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    again = faces.choose_again(db, settings, who, first)
    run(analyzer([[(0, 1)] * 10]))
    assert not faces.leaves_a_result(db, who, again)
    control.discard(db, settings, who, again)
    [row] = caseload.get_patient(db, who, patient).recordings
    assert (row.id, row.shares, row.standing.state) == (first, None, State.REPLACED)
    assert "not found" in row.standing.sentence
    assert stored(db, first)[0] == 0
    assert state_of(db, again) == JobState.CANCELLED


def test_where_the_patient_is_not_there_no_mark_names_a_label(db, settings, analysed, run, who):
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    marks.add(db, who, first, MarkFields(0.0, 1.0, Verdict.EVENT, reason="crying"))
    assert [one.model_label for one in marks.marks(db, who, first)] == ["happy"]
    again = faces.choose_again(db, settings, who, first)
    run(analyzer([[(0, 1)] * 10]))
    control.discard(db, settings, who, again)
    assert [one.model_label for one in marks.marks(db, who, first)] == [None]


def sentence_of(db, who, recording_id):
    return caseload.get_recording(db, who, recording_id).standing.sentence


def test_an_earlier_version_says_what_holds_now(db, settings, patient, an_upload, run, who):
    """It said for ever what was true when its result was deleted."""

    def hand_in(model):
        files = [an_upload("video", b"one and the same file")]
        asked = jobs.enqueue(db, settings, who, patient, files, date(2026, 5, 4), model_sha256=model)
        run(analyzer([[(0, 1)] * 10], model))
        return asked.recording_id

    first = hand_in(OLD)
    faces.choose_track(db, settings, who, first, 0)
    again = faces.choose_again(db, settings, who, first)
    run(analyzer([[(0, 1)] * 10]))
    control.discard(db, settings, who, again)
    found = hand_in(NEW)
    assert "not found" in sentence_of(db, who, first), "the choice is open"
    faces.choose_track(db, settings, who, found, 1)
    assert "in a newer analysis" in sentence_of(db, who, first)
    last = faces.choose_again(db, settings, who, found)
    run(analyzer([[(0, 1)] * 10], NEW))
    control.discard(db, settings, who, last)
    assert "not found" in sentence_of(db, who, first)
    assert "not found" in sentence_of(db, who, found)
    with pytest.raises(FerError, match="not found"):
        marks.add(db, who, first, MarkFields(0.0, 1.0, Verdict.NOT_PATIENT))


def test_a_first_choice_of_nobody_says_so_and_not_that_somebody_cancelled(db, settings, analysed, who):
    first = analysed([[(0, 1)] * 10])
    control.discard(db, settings, who, first)
    assert sentence_of(db, who, first) == "The patient was not found in it: no result was kept."
    assert state_of(db, first) == JobState.CANCELLED


def test_a_discarded_reanalysis_leaves_the_result_before_it(db, settings, patient, analysed, run, who):
    first = analysed([[(0, 1)] * 10])
    faces.choose_track(db, settings, who, first, 0)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(1, 2)] * 10], NEW))
    assert faces.leaves_a_result(db, who, other_than(db, first))
    control.discard(db, settings, who, other_than(db, first))
    assert [row.id for row in caseload.get_patient(db, who, patient).recordings if row.shares] == [first]


@pytest.mark.parametrize("later", [[(0, 1)] * 4 + [(0,)] * 96, [(0,)] * 100], ids=["negligible", "the only one"])
def test_a_face_that_a_person_chose_is_not_replaced_by_the_one_that_is_left(db, settings, analysed, run, who, later):
    """Where it was seen a little less by another model, somebody else became the patient without a question."""
    first = analysed([[(0, 1)] * 6 + [(0,)] * 94])
    faces.choose_track(db, settings, who, first, 1)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([later], NEW))
    assert state_of(db, other_than(db, first)) == JobState.CHOOSING
    assert stored(db, first)[1]


@pytest.mark.parametrize(("moments", "at_s"), [(20, 2.0), (100, 19.2)], ids=["half of it", "4 of 100 moments"])
def test_what_a_split_left_to_somebody_else_does_not_come_back(db, settings, analysed, run, who, moments, at_s):
    """The stranger's part became the patient's again, without a question."""
    first = analysed([[(0,)] * moments])
    again = faces.choose_again(db, settings, who, first)
    run(analyzer([[(0,)] * moments]))
    faces.split(db, settings, who, again, 0, at_s)
    faces.choose_track(db, settings, who, again, 0)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0,)] * moments], NEW))
    assert state_of(db, other_than(db, first, again)) == JobState.CHOOSING


def test_a_choice_is_not_extended_to_moments_without_it(db, settings, analysed, run, who):
    first = analysed([[(0, 1)] * 98 + [(1,), (1,)]])
    faces.choose_track(db, settings, who, first, 0)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0, 1)] * 100], NEW))
    assert state_of(db, other_than(db, first)) == JobState.CHOOSING


def test_a_choice_is_carried_over_to_a_little_less_of_it(db, settings, analysed, run, who):
    first = analysed([[(0, 1)] * 100])
    faces.choose_track(db, settings, who, first, 0)
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0, 1)] * 96 + [(1,)] * 4], NEW))
    assert state_of(db, other_than(db, first)) == JobState.DONE


def test_the_only_face_of_both_needs_no_person(db, settings, analysed, run, who):
    """It is seen in fewer moments than before, which no choice is needed for."""
    first = analysed([[(0,)] * 20])
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0,)] * 14 + [()] * 6], NEW))
    assert state_of(db, other_than(db, first)) == JobState.DONE


def test_pause_stops_the_running_one_and_keeps_its_chunks(db, settings, analysed, run, who):
    analysed()
    analysed()
    asked_for = reanalysis.start(db, settings, who, None, NEW).id
    script = [[(0,)] * 3, lambda: reanalysis.pause(db, who, asked_for), [(0,)] * 3]
    run(analyzer(script, NEW))
    [standing] = reanalysis.standings(db, who)
    assert (standing.paused, standing.done, standing.left_s) == (True, 0, None)
    assert "paused" in standing.sentence
    with db.read() as session:
        version = session.scalar(select(Job).where(Job.reanalysis_id == asked_for, Job.cursor.is_not(None)))
        assert (version.state, version.attempts) == (JobState.QUEUED, 0)
        chunks = session.scalars(
            select(StoredChunk.number).where(StoredChunk.recording_id == version.recording_id)
        ).all()
        assert chunks == [0]
    assert leases.claim(db) is None
    reanalysis.pause(db, who, asked_for, paused=False)
    second = analyzer([[(0,)] * 3, lambda: None, [(0,)] * 3], NEW)
    run(second)
    assert second.chunks_given == 1
    assert reanalysis.standing(db, who, asked_for).done == 1


def test_progress_and_time_left_come_from_the_chunks(db, settings, analysed, run, who):
    for _ in range(4):
        analysed([[(0,)] * 50])
    asked_for = reanalysis.start(db, settings, who, None, NEW).id
    assert reanalysis.standing(db, who, asked_for).left_s is None
    run(analyzer([[(0,)] * 50], NEW))
    with db.session() as session:
        version = session.scalar(select(Job).where(Job.reanalysis_id == asked_for, Job.state == JobState.DONE))
        chunk = session.scalar(select(StoredChunk).where(StoredChunk.recording_id == version.recording_id))
        chunk.worked_s = 600.0 * (chunk.end_s - chunk.begin_s) / 10.0
    standing = reanalysis.standing(db, who, asked_for)
    assert (standing.total, standing.done, standing.share) == (4, 1, pytest.approx(0.25))
    assert standing.left_s == pytest.approx(3 * 600.0)
    assert standing.sentence == "All patients: 1 of 4 recordings done (25 %) · about 30 min left"
    assert replace(standing, patient_id="4a3b2c" + "0" * 26).sentence.startswith("Patient with ID 4a3b2c: 1 of 4")


def test_what_is_handed_in_comes_first(db, settings, patient, an_upload, analysed, who):
    analysed()
    reanalysis.start(db, settings, who, None, NEW)
    asked = jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 5, 4), model_sha256=OLD)
    assert leases.claim(db).recording_id == asked.recording_id
    assert [job.status.recording_id for job in progress.active(db, settings, who)] == [asked.recording_id], (
        "the queued ones are told as one"
    )


def test_dropping_the_rest_keeps_what_is_done(db, settings, analysed, run, who):
    analysed()
    analysed()
    asked_for = reanalysis.start(db, settings, who, None, NEW).id
    run(analyzer([[(0,)] * 3], NEW))
    reanalysis.cancel(db, settings, who, asked_for)
    standing = reanalysis.standing(db, who, asked_for)
    assert (standing.done, standing.cancelled, standing.finished) == (1, 1, True)
    assert reanalysis.start(db, settings, who, None, NEW).queued == 1, "the files are still there"


def test_deleting_a_recording_deletes_its_versions_and_file(db, settings, analysed, run, who):
    analysed()
    reanalysis.start(db, settings, who, None, NEW)
    run(analyzer([[(0,)] * 3], NEW))
    with db.read() as session:
        shown = session.scalar(select(Recording.id).where(Recording.current))
    deletion.delete_recording(db, settings, who, shown)
    with db.read() as session:
        assert session.scalars(select(Recording)).all() == []
        assert session.scalars(select(Sample)).all() == []
    assert list(open_store(settings).files()) == []


@pytest.fixture
def of_pictures(db, settings, patient, an_upload, run, who):
    """Return a function that stores pictures with these faces, of which these are chosen; it returns the id."""

    def make(pictures, chosen):
        files = [an_upload("image", blank_picture(value)) for value in range(len(pictures))]
        asked = jobs.enqueue(db, settings, who, patient, files, date(2026, 5, 4), model_sha256=OLD)
        run(analyzer([], pictures=[[expression(place) for place in places] for places in pictures]))
        faces.choose_track(db, settings, who, asked.recording_id, chosen)
        return asked.recording_id

    return make


@pytest.mark.parametrize(
    ("now", "carried"),
    [
        ([(0,), (1,), (0, 2)], [0, 2]),
        ([(3, 0), (1,), (0,)], [1, 3]),
        ([(0,), (1,), (2,)], None),
        ([(0,), (1,), ()], None),
    ],
    ids=["alike", "other-numbers", "another-place", "gone"],
)
def test_a_choice_of_pictures_is_carried_over_picture_by_picture_or_asked_again(
    db, settings, patient, of_pictures, run, who, now, carried
):
    of_pictures([(0,), (1,), (0, 2)], [0, 2])
    asked_for = reanalysis.start(db, settings, who, patient, NEW).id
    run(analyzer([], NEW, pictures=[[expression(place) for place in places] for places in now]))
    found = reanalysis.standing(db, who, asked_for)
    assert (found.done, found.choosing) == ((1, 0) if carried else (0, 1))
    with db.read() as session:
        choice = session.scalar(select(Recording).where(Recording.model_sha256 == NEW)).settings.get("face_choice")
    assert (choice and (choice["how"], choice["tracks"])) == (carried and ("carried", carried))


@pytest.mark.parametrize("how", ["only", "clinician"])
def test_what_an_earlier_version_of_the_program_joined_is_asked_about(
    db, settings, patient, of_pictures, run, who, how
):
    first = of_pictures([(0,), (1,)], [0, 1])
    with db.session() as session:
        stored = session.get_one(Recording, first)
        stored.settings = {**stored.settings, "face_choice": {"how": how, "tracks": [0], "left_out": []}}
    asked_for = reanalysis.start(db, settings, who, patient, NEW).id
    run(analyzer([], NEW, pictures=[[expression(0)], [expression(1)]]))
    assert reanalysis.standing(db, who, asked_for).choosing == 1
    assert caseload.get_recording(db, who, first).samples == 2, "the result so far stays until then"


def test_a_code_names_one_patient(db, patient, who):
    assert reanalysis.find_patient(db, who, patient) == patient
    assert reanalysis.find_patient(db, who, " Invented Person ") == patient
    with pytest.raises(FerError) as refusal:
        reanalysis.find_patient(db, who, "nobody")
    assert refusal.value.code == "unknown_patient"
    with db.session() as session:
        session.add(Patient(name="Invented Person", created_at=datetime.now(UTC)))
    with pytest.raises(FerError) as refusal:
        reanalysis.find_patient(db, who, "Invented Person")
    assert refusal.value.code == "ambiguous_patient"


def test_the_command_line_starts_tells_pauses_and_drops(db, settings, analysed, capsys, monkeypatch):
    monkeypatch.setenv("FER_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("FER_DATABASE_URL", settings.database_url)
    analysed()
    assert main(["reanalyse", "--patient", "Invented Person"]) == 0
    assert "1 recording will be analysed again" in capsys.readouterr().out
    for option, says in (
        ("--status", "0 of 1"),
        ("--pause", "paused"),
        ("--resume", "0 of 1"),
        ("--cancel", "dropped"),
    ):
        assert main(["reanalyse", option]) == 0
        assert says in capsys.readouterr().out
    assert main(["reanalyse", "--patient", "nobody"]) == 1
    assert "No patient has this code" in capsys.readouterr().err
