"""One analysis, from claim to end, with an analyzer that is scripted."""

import io
import logging
from datetime import date

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from clinic import analysis, jobs, leases, previews
from clinic.selftest import write_clip
from db.models import Job, JobState, Recording, Sample
from fer_core.errors import MediaError, ModelError
from tests.clinic.fakes import FakeAnalyzer, expression


@pytest.fixture
def queue(db, settings, patient, an_upload):
    """Return a function that queues files and returns (recording id, uploads)."""

    def put(*files, every_s=0.2):
        files = files or (an_upload("video"),)
        queued = jobs.enqueue(
            db, settings, patient, files, date(2026, 5, 4), every_s=every_s, model_sha256="fake-model"
        )
        return queued.recording_id, files

    return put


@pytest.fixture
def run(db, settings):
    """Return a function that claims the next job and runs it with the analyzer."""

    def work(analyzer, **reporter):
        claimed = leases.claim(db)
        analysis.run(db, settings, claimed, lambda: analyzer, analysis.Reporter(db, claimed, every_s=0, **reporter))

    return work


@pytest.fixture
def picture(an_upload):
    """Return a function that stores a picture."""

    def make(value):
        written = io.BytesIO()
        Image.fromarray(np.full((900, 1200, 3), value, np.uint8)).save(written, "PNG")
        return an_upload("image", written.getvalue())

    return make


def indices(db, recording_id):
    with db.read() as session:
        found = session.scalars(
            select(Sample.frame_index).where(Sample.recording_id == recording_id).order_by(Sample.frame_index)
        )
        return list(found)


def count(db):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Sample))


def test_a_video_becomes_rows_a_summary_and_an_end(db, settings, queue, run):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0,), (0,)], [(), (0,)]]))
    status = jobs.status(db, recording_id)
    assert (status.state, status.share, status.frames, status.error_code) == (JobState.DONE, 1.0, 4, None)
    assert indices(db, recording_id) == [0, 1, 2, 3]
    with db.read() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.model_sha256, recording.device) == ("fake-model", "a fake")
        assert (recording.width_px, recording.height_px, recording.duration_s) == (160, 90, 0.8)
        assert recording.summary is not None
        assert recording.analysed_at is not None
        assert recording.program_version
        assert recording.settings["every_s"] == 0.2
        assert recording.settings["face_choice"]["how"] == "only"
    assert not upload.path.exists(), "the video is deleted when its numbers are kept"
    assert jobs.preview(settings, recording_id).faces[0].track == 0
    assert previews.thumbnail(settings, recording_id, 0) is None


def test_a_video_cut_short_is_partial(db, queue, run):
    recording_id, _ = queue()
    run(FakeAnalyzer([[(0,)] * 3], partial=True, damaged_frames=7))
    assert jobs.status(db, recording_id).state is JobState.PARTIAL
    with db.read() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.partial, recording.damaged_frames) == (True, 7)


def test_two_faces_are_asked_about(db, settings, queue, run):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0, 1)] * 3, [(0, 1)] * 2 + [(1,)]]))
    assert jobs.status(db, recording_id).state is JobState.CHOOSING
    assert not upload.path.exists()
    found = jobs.candidates(db, settings, recording_id)
    assert [face.track for face in found] == [1, 0]
    assert all(face.thumbnail.exists() for face in found)
    jobs.choose_track(db, settings, recording_id, 1)
    assert jobs.status(db, recording_id).state is JobState.DONE
    assert not any(face.thumbnail.exists() for face in found)
    with db.read() as session:
        assert set(session.scalars(select(Sample.track))) == {1}


def test_a_face_that_no_preview_showed_has_a_thumbnail_too(db, settings, queue, run, an_upload, tmp_path):
    write_clip(tmp_path / "clip.mp4", [np.full((90, 160, 3), 40 * n, np.uint8) for n in range(4)], 5)
    recording_id, _ = queue(an_upload("video", (tmp_path / "clip.mp4").read_bytes()))
    run(FakeAnalyzer([[(0,), (0, 1), (0,), (0,)]]))
    found = jobs.candidates(db, settings, recording_id)
    assert [face.track for face in found] == [0, 1]
    with Image.open(found[1].thumbnail) as shown:
        assert shown.convert("L").getextrema()[0] == pytest.approx(40, abs=4), "of the moment at which it was seen"


def test_a_poisonous_file_fails_with_its_sentence(db, queue, run):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0,)], MediaError("The video is damaged.", "damaged_video")]))
    status = jobs.status(db, recording_id)
    assert (status.state, status.error_code) == (JobState.FAILED, "damaged_video")
    assert status.error_message == "The video is damaged."
    assert count(db) == 0
    assert not upload.path.exists()


def test_an_unexpected_error_tells_nothing_and_may_be_tried_again(db, settings, queue, run, caplog):
    recording_id, (upload,) = queue()
    with caplog.at_level(logging.INFO):
        run(FakeAnalyzer([[(0,)], KeyError("Jane Doe")]))
    status = jobs.status(db, recording_id)
    assert (status.state, status.error_code) == (JobState.FAILED, "internal_error")
    assert "Jane" not in status.error_message + caplog.text
    assert "KeyError at fakes.py" in caplog.text
    assert upload.path.exists()
    jobs.retry(db, settings, recording_id)
    run(FakeAnalyzer([[(0,)]]))
    assert jobs.status(db, recording_id).state is JobState.DONE
    assert not upload.path.exists()


def test_a_missing_model_keeps_the_file(db, settings, queue):
    recording_id, (upload,) = queue()

    def missing():
        raise ModelError("No model is installed.", "no_model")

    claimed = leases.claim(db)
    analysis.run(db, settings, claimed, missing, analysis.Reporter(db, claimed))
    assert jobs.status(db, recording_id).error_code == "no_model"
    assert upload.path.exists()


def test_a_file_that_is_gone_is_asked_for(db, queue, run):
    recording_id, (upload,) = queue()
    upload.path.unlink()
    run(FakeAnalyzer([[(0,)]]))
    assert jobs.status(db, recording_id).error_code == "upload_gone"


def test_cancel_leaves_nothing(db, settings, queue, run):
    recording_id, (upload,) = queue()
    analyzer = FakeAnalyzer([[(0,)], lambda: jobs.cancel(db, settings, recording_id), [(0,)]] + [[(0,)]] * 50)
    run(analyzer)
    assert jobs.status(db, recording_id).state is JobState.CANCELLED
    assert count(db) == 0
    assert not upload.path.exists()
    assert jobs.preview(settings, recording_id) is None
    assert analyzer.chunks_given < 50


def test_a_stopping_worker_gives_the_job_back(db, queue, run):
    recording_id, (upload,) = queue()
    asked = iter([False, False, True])
    run(FakeAnalyzer([[(0,)]] * 5), stopping=lambda: next(asked))
    assert jobs.status(db, recording_id).state is JobState.QUEUED
    assert upload.path.exists()
    with db.read() as session:
        assert session.scalar(select(Job.attempts)) == 0


def test_a_deleted_recording_ends_the_work_and_its_files(db, queue, run):
    recording_id, (upload,) = queue()

    def delete():
        with db.session() as session:
            session.delete(session.get_one(Recording, recording_id))

    run(FakeAnalyzer([[(0,)], delete, [(0,)]]))
    assert count(db) == 0
    assert not upload.path.exists()


def test_a_taken_over_job_is_left_to_its_new_holder(db, queue, run):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0,)], lambda: leases.release(db, only_expired=False), [(0,)]]))
    assert jobs.status(db, recording_id).state is JobState.QUEUED
    assert upload.path.exists()


def test_progress_is_written_seldom(db, queue, settings):
    queue()
    claimed = leases.claim(db)
    report = analysis.Reporter(db, claimed)
    for frames in range(50):
        report(FakeAnalyzer.progress(frames))
    with db.read() as session:
        assert session.scalar(select(Job.frames)) < 50
        assert report.written < 10


def test_pictures_take_the_face_that_is_alone(db, settings, queue, run, picture):
    recording_id, files = queue(picture(1), picture(2), picture(3))
    run(FakeAnalyzer(pictures=[[expression(0)], [], [expression(5)]]))
    assert jobs.status(db, recording_id).state is JobState.DONE
    with db.read() as session:
        found = session.execute(select(Sample.frame_index, Sample.track, Sample.time_s).order_by(Sample.frame_index))
        assert [tuple(row) for row in found] == [(0, 0, 0.0), (1, -1, 1.0), (2, 0, 2.0)]
    assert not any(file.path.exists() for file in files)
    with Image.open(jobs.preview(settings, recording_id).path) as shown:
        assert max(shown.size) == 640


def test_a_group_picture_is_asked_about(db, settings, queue, run, picture):
    recording_id, _ = queue(picture(1), picture(2))
    run(FakeAnalyzer(pictures=[[expression(0)], [expression(0), expression(1)]]))
    assert jobs.status(db, recording_id).state is JobState.CHOOSING
    assert [(face.track, face.suggested) for face in jobs.candidates(db, settings, recording_id)] == [
        (0, True),
        (1, False),
        (2, False),
    ]
    jobs.choose_track(db, settings, recording_id, [0, 2])
    assert indices(db, recording_id) == [0, 1]


def test_the_same_pictures_after_their_analysis_are_known(db, queue, run, picture):
    recording_id, _ = queue(picture(1), picture(2))
    run(FakeAnalyzer(pictures=[[expression(0)], [expression(0)]]))
    again = [picture(2), picture(1)]
    assert queue(*again)[0] == recording_id
    assert not any(file.path.exists() for file in again)
