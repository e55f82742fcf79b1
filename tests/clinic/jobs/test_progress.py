"""What pages are shown of an analysis: the patient's face alone, and only to those who see the patient."""

import io
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from clinic import access
from clinic.jobs import faces, jobs, leases, previews, progress
from clinic.patients import caseload
from clinic.recordings import readings
from clinic.worker import analysis
from db.models import Access, Account, Job, JobState, Recording
from fer_core.errors import FerError
from storage.wrapping import SealError
from tests.clinic.fakes import PREVIEW, FakeAnalyzer, expression


@pytest.fixture
def analysed(db, settings, patient, an_upload, who, monkeypatch):
    """Return a function that analyses a video with these faces at each moment; gives the recording's id."""
    monkeypatch.setattr(analysis, "PREVIEW_EVERY_S", 0.0)

    def make(*chunks):
        queued = jobs.enqueue(
            db, settings, who, patient, [an_upload("video")], date(2026, 5, 4), model_sha256="fake-model"
        )
        claimed = leases.claim(db)
        analyzer = FakeAnalyzer(chunks)
        analysis.run(db, settings, claimed, lambda: analyzer, analysis.Reporter(db, claimed, every_s=0))
        return queued.recording_id

    return make


@pytest.fixture
def running(db, settings, patient, an_upload, who):
    """Return a function that stores a running analysis whose preview shows these tracks; gives the recording's id."""

    def make(*tracks, several=False):
        queued = jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 5, 4), model_sha256="m")
        leases.claim(db)
        previews.write_preview(
            settings, queued.recording_id, 1.0, textured(), [expression(track) for track in tracks], several
        )
        return queued.recording_id

    return make


def textured():
    """A picture in which pixelating changes every face's place."""
    height, width, _ = PREVIEW.shape
    # In blocks of 16 px, which JPEG keeps nearly as they are.
    blocks = np.random.default_rng(3).integers(0, 255, (height // 16 + 1, width // 16, 1), dtype=np.uint8)
    return np.kron(blocks, np.ones((16, 16, 3), np.uint8))[:height, :width]


def pixels(jpeg):
    with Image.open(io.BytesIO(jpeg)) as opened:
        return np.asarray(opened.convert("RGB"), np.float64)


def changed(before, after, box):
    part = slice(int(box.top), int(box.bottom)), slice(int(box.left), int(box.right))
    return abs(after[part] - before[part]).mean()


@pytest.mark.parametrize("chosen", [0, 1, 2], ids=str)
def test_after_the_choice_the_preview_is_the_patient_s_alone(db, settings, who, analysed, chosen):
    recording_id = analysed([(0, 1, 2)] * 4)
    faces.choose_track(db, settings, who, recording_id, chosen)
    wanted = {chosen}
    shown = progress.preview(db, settings, who, recording_id)
    assert {face.track for face in shown.faces} == wanted
    assert progress.watch(db, settings, who, recording_id)[1] == shown
    assert {face.track for face in previews.read_preview(settings, recording_id).faces} == wanted, "what is stored too"


def test_other_people_are_pixelated_and_the_patient_is_not(settings, running):
    recording_id = running(0, 1)
    before = pixels(previews.read_preview(settings, recording_id).jpeg)
    previews.keep_patient(settings, recording_id, [1])
    after = pixels(previews.read_preview(settings, recording_id).jpeg)
    other, patient = expression(0).face.box, expression(1).face.box
    assert changed(before, after, other) > 10
    assert changed(before, after, patient) < 5


def test_where_the_patient_is_not_in_the_last_picture_none_is_shown(db, settings, who, analysed):
    recording_id = analysed([(0, 1)] * 4, [(0,)])
    faces.choose_track(db, settings, who, recording_id, 1)
    assert progress.preview(db, settings, who, recording_id) is None
    assert not previews.work_dir(settings, recording_id).exists()


def test_a_choice_that_the_program_makes_is_as_good(db, settings, who, analysed):
    recording_id = analysed([(0,)] * 29, [(0, 1)])
    assert progress.status(db, who, recording_id).state is JobState.DONE
    assert {face.track for face in progress.preview(db, settings, who, recording_id).faces} == {0}
    assert previews.thumbnail(settings, recording_id, 1) is None


def test_the_choice_counts_where_the_preview_could_not_be_reduced(db, settings, who, analysed, monkeypatch):
    recording_id = analysed([(0, 1)] * 4)
    # As where the program is ended between the two.
    monkeypatch.setattr(previews, "keep_patient", lambda *_: None)
    faces.choose_track(db, settings, who, recording_id, 1)
    assert {face.track for face in previews.read_preview(settings, recording_id).faces} == {0, 1}
    assert {face.track for face in progress.preview(db, settings, who, recording_id).faces} == {1}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SealError("broken")])
def test_a_preview_that_can_not_be_reduced_is_deleted(settings, running, monkeypatch, error):
    recording_id = running(0, 1)

    def refuse(*_):
        raise error

    monkeypatch.setattr(previews, "_write", refuse)
    previews.keep_patient(settings, recording_id, [1])
    assert not previews.work_dir(settings, recording_id).exists()


def test_while_a_face_is_to_be_chosen_nothing_is_drawn(db, settings, who, analysed):
    recording_id = analysed([(0, 1)] * 4)
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING
    assert progress.watch(db, settings, who, recording_id)[1] is None
    assert progress.preview(db, settings, who, recording_id) is None


def test_while_it_runs_several_faces_have_boxes_and_no_labels(db, settings, who, running):
    recording_id = running(0, 1, several=True)
    faces = progress.watch(db, settings, who, recording_id)[1].faces
    assert [face.track for face in faces] == [0, 1]
    assert [face.probabilities for face in faces] == [None, None]
    assert {face.status for face in faces} == {previews.UNKNOWN_WHOSE}


def test_a_second_face_that_left_again_still_makes_several(db, settings, who, analysed):
    seen = []

    def look():
        [recording_id] = [job.status.recording_id for job in progress.active(db, settings, who)]
        seen.append(progress.watch(db, settings, who, recording_id)[1])

    analysed([(0,)] * 3, look, [(0, 1)] * 3, look, [(0,)] * 3, look)
    assert [shown.several for shown in seen] == [False, True, True]
    assert seen[0].faces[0].probabilities is None, "whoever is alone first may be the clinician"
    assert seen[2].faces[0].probabilities is None


def test_no_samples_are_reported_while_they_are_several_people_s(db, settings, who, analysed):
    recording_id = analysed([(0, 1)] * 4)
    for ask in (caseload.samples, readings.analysis_result):
        with pytest.raises(FerError) as refusal:
            ask(db, who, recording_id)
        assert refusal.value.code == "analysis_under_way"
    faces.choose_track(db, settings, who, recording_id, 1)
    assert len(caseload.samples(db, who, recording_id)) == 4


def without_statement(db, who, patient):
    set_account(db, who, statement=None)


def disabled(db, who, patient):
    set_account(db, who, disabled_at=datetime.now(UTC))


def not_on_the_caseload(db, who, patient):
    set_until(db, datetime.now(UTC) - timedelta(seconds=1))


def in_an_emergency(db, who, patient):
    set_until(db, datetime.now(UTC) + timedelta(minutes=5))


def as_ever(db, who, patient):
    pass


def set_account(db, who, **values):
    with db.session() as session:
        session.execute(update(Account).where(Account.id == who.account_id).values(**values))


def set_until(db, until):
    with db.session() as session:
        session.execute(update(Access).values(until=until))


def code_of(ask):
    try:
        ask()
    except FerError as refusal:
        return refusal.code
    return "ok"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (as_ever, "ok"),
        (in_an_emergency, "ok"),
        (not_on_the_caseload, "not_your_patient"),
        (without_statement, "statement"),
        (disabled, "signed_out"),
    ],
)
def test_the_rule_of_access_is_one(db, settings, who, patient, analysed, change, code):
    recording_id = analysed([(0,)] * 4)
    change(db, who, patient)

    def rule():
        with db.read() as session:
            access.require_reader_of(session, who, patient)

    asked = {
        "rule": rule,
        "status": lambda: progress.status(db, who, recording_id),
        "watch": lambda: progress.watch(db, settings, who, recording_id),
        "preview": lambda: progress.preview(db, settings, who, recording_id),
        "samples": lambda: caseload.samples(db, who, recording_id),
        "recording": lambda: caseload.get_recording(db, who, recording_id),
    }
    assert {name: code_of(ask) for name, ask in asked.items()} == dict.fromkeys(asked, code)


def test_a_recording_without_a_job_is_not_reported_to_strangers(db, who, patient, analysed):
    recording_id = analysed([(0,)] * 4)
    with db.session() as session:
        session.delete(session.scalar(select(Job)))
    assert progress.status(db, who, recording_id) is None
    set_until(db, datetime.now(UTC) - timedelta(seconds=1))
    assert code_of(lambda: progress.status(db, who, recording_id)) == "not_your_patient"


def test_a_choice_from_a_second_window_changes_nothing(db, settings, who, analysed):
    recording_id = analysed([(0, 1)] * 4)
    faces.choose_track(db, settings, who, recording_id, 1)
    with pytest.raises(FerError) as refusal:
        faces.choose_track(db, settings, who, recording_id, 0)
    assert refusal.value.code == "nothing_to_choose"
    with db.read() as session:
        assert session.get_one(Recording, recording_id).patient_track == 1
    assert {face.track for face in progress.preview(db, settings, who, recording_id).faces} == {1}
