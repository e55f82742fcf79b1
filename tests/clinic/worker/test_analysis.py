"""One analysis, from claim to end, with an analyzer that is scripted."""

import io
import logging
import sys
import tempfile
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from clinic.jobs import control, faces, jobs, leases, previews, progress
from clinic.jobs.leases import LeaseLostError
from clinic.patients import needs
from clinic.worker import analysis
from clinic.worker.selftest import write_clip
from db.models import Job, JobState, Recording, Sample, StoredChunk
from fer_core.analyzer import Analyzer
from fer_core.errors import MEDIA_CODES, MediaError, ModelError
from fer_core.media import reader
from fer_core.media.passage import BookmarkError
from fer_core.media.process import Server
from fer_core.types import Box
from tests.clinic.fakes import FakeAnalyzer, expression
from tests.clinic.jobs.test_previews import READABLE
from tests.fakes import FakeClassifier, FakeDetector, face_at
from tests.media import animation, scene


@pytest.fixture
def queue(db, settings, patient, an_upload, who):
    """Return a function that queues files and returns (recording id, uploads)."""

    def put(*files, every_s=0.2):
        files = files or (an_upload("video"),)
        queued = jobs.enqueue(
            db, settings, who, patient, files, date(2026, 5, 4), every_s=every_s, model_sha256="fake-model"
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


@pytest.fixture
def everything(db):
    """Return a function that gives all of a recording's samples, without its id, in their order."""

    def rows(recording_id):
        columns = [column for column in Sample.__table__.columns if column.name != "recording_id"]
        with db.read() as session:
            found = session.execute(
                select(*columns).where(Sample.recording_id == recording_id).order_by(Sample.frame_index, Sample.track)
            )
            return [tuple(row) for row in found]

    return rows


@cache
def moving_clip():
    """25 s at 10 frames a second, no picture like the one before; as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.mp4"
        write_clip(path, (np.roll(scene(), 3 * number, axis=1) for number in range(250)), 10)
        return path.read_bytes()


def indices(db, recording_id):
    with db.read() as session:
        found = session.scalars(
            select(Sample.frame_index).where(Sample.recording_id == recording_id).order_by(Sample.frame_index)
        )
        return list(found)


def count(db):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Sample))


def test_a_video_becomes_rows_a_summary_and_an_end(db, settings, queue, run, who):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0,), (0,)], [(), (0,)]]))
    status = progress.status(db, who, recording_id)
    assert (status.state, status.share, status.frames, status.error_code) == (JobState.DONE, 1.0, 4, None)
    assert indices(db, recording_id) == [0, 1, 2, 3]
    with db.read() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.model_sha256, recording.device) == ("fake-model", "a fake")
        assert (recording.width_px, recording.height_px, recording.duration_s) == (160, 90, 0.8)
        assert (recording.codec, recording.bits_per_pixel) == ("fake", 0.25)
        assert recording.summary is not None
        assert recording.analysed_at is not None
        assert recording.program_version
        assert recording.settings["every_s"] == 0.2
        assert recording.settings["face_choice"]["how"] == "only"
    assert not upload.path.exists(), "the video is deleted when its numbers are kept"
    assert progress.preview(db, settings, who, recording_id).faces[0].track == 0
    assert previews.thumbnail(settings, recording_id, 0) is None


def test_a_video_cut_short_is_partial(db, queue, run, who):
    recording_id, _ = queue()
    run(FakeAnalyzer([[(0,)] * 3], partial=True, damaged_frames=7))
    assert progress.status(db, who, recording_id).state is JobState.PARTIAL
    with db.read() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.partial, recording.damaged_frames) == (True, 7)


def test_two_faces_are_asked_about(db, settings, queue, run, who):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0, 1)] * 3, [(0, 1)] * 2 + [(1,)]]))
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING
    assert not upload.path.exists()
    found = faces.candidates(db, settings, who, recording_id)
    assert [face.track for face in found] == [1, 0]
    assert all(face.thumbnail for face in found)
    faces.choose_track(db, settings, who, recording_id, 1)
    assert progress.status(db, who, recording_id).state is JobState.DONE
    assert not any(previews.thumbnail(settings, recording_id, face.track) for face in found)
    with db.read() as session:
        assert set(session.scalars(select(Sample.track))) == {1}


def test_while_a_face_is_asked_for_nothing_readable_lies_in_the_data_folder(settings, queue, run):
    recording_id, _ = queue()
    run(FakeAnalyzer([[(0, 1)] * 3]))
    files = [path for path in settings.data_dir.rglob("*") if path.is_file() and path.suffix != ".db"]
    assert {"preview", "track-0", "track-1"} <= {path.name for path in files if path.parent.name == recording_id}
    for path in files:
        content = path.read_bytes()
        assert [sign for sign in READABLE if sign in content] == [], path.name


def test_a_face_that_no_preview_showed_has_a_thumbnail_too(db, settings, queue, run, an_upload, tmp_path, who):
    write_clip(tmp_path / "clip.mp4", [np.full((90, 160, 3), 40 * n, np.uint8) for n in range(4)], 5)
    recording_id, _ = queue(an_upload("video", (tmp_path / "clip.mp4").read_bytes()))
    run(FakeAnalyzer([[(0,), (0, 1), (0,), (0,)]]))
    found = faces.candidates(db, settings, who, recording_id)
    assert [face.track for face in found] == [0, 1]
    with Image.open(io.BytesIO(found[1].thumbnail)) as shown:
        assert shown.convert("L").getextrema()[0] == pytest.approx(40, abs=4), "of the moment at which it was seen"


def test_a_poisonous_file_fails_with_its_sentence(db, queue, run, who):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0,)], MediaError("The video is damaged.", "damaged_video")]))
    status = progress.status(db, who, recording_id)
    assert (status.state, status.error_code) == (JobState.FAILED, "damaged_video")
    assert status.error_message == "The video is damaged."
    assert count(db) == 0
    assert not upload.path.exists()


def test_an_unexpected_error_tells_nothing_and_may_be_tried_again(db, settings, queue, run, caplog, who):
    recording_id, (upload,) = queue()
    with caplog.at_level(logging.INFO):
        run(FakeAnalyzer([[(0,)], KeyError("Jane Doe")]))
    status = progress.status(db, who, recording_id)
    assert (status.state, status.error_code) == (JobState.FAILED, "internal_error")
    assert "Jane" not in status.error_message + caplog.text
    assert "KeyError at fakes.py" in caplog.text
    assert upload.path.exists()
    control.retry(db, settings, who, recording_id)
    run(FakeAnalyzer([[(0,)]]))
    assert progress.status(db, who, recording_id).state is JobState.DONE
    assert not upload.path.exists()


def test_a_missing_model_keeps_the_file(db, settings, queue, who):
    recording_id, (upload,) = queue()

    def missing():
        raise ModelError("No model is installed.", "no_model")

    claimed = leases.claim(db)
    analysis.run(db, settings, claimed, missing, analysis.Reporter(db, claimed))
    assert progress.status(db, who, recording_id).error_code == "no_model"
    assert upload.path.exists()


def test_a_file_that_is_gone_is_asked_for(db, queue, run, who):
    recording_id, (upload,) = queue()
    queue()
    upload.path.unlink()
    run(FakeAnalyzer([[(0,)]]))
    assert progress.status(db, who, recording_id).error_code == "upload_gone"


def test_cancel_leaves_nothing(db, settings, queue, run, who):
    recording_id, (upload,) = queue()
    analyzer = FakeAnalyzer([[(0,)], lambda: control.cancel(db, settings, who, recording_id), [(0,)]] + [[(0,)]] * 50)
    run(analyzer)
    assert progress.status(db, who, recording_id).state is JobState.CANCELLED
    assert count(db) == 0
    assert not upload.path.exists()
    assert progress.preview(db, settings, who, recording_id) is None
    assert analyzer.chunks_given < 50


def resumed(db, recording_id):
    """The chunks of a recording as (number, samples, begin, end), in their order."""
    with db.read() as session:
        found = session.execute(
            select(StoredChunk.number, StoredChunk.samples, StoredChunk.begin_s, StoredChunk.end_s)
            .where(StoredChunk.recording_id == recording_id)
            .order_by(StoredChunk.number)
        )
        return [tuple(row) for row in found]


def test_another_worker_goes_on_at_the_chunk_where_the_first_one_died(db, queue, run, everything, who):
    script = [[(0,)] * 3, [(0,), ()], [(), (0,)]]
    undisturbed, _ = queue()
    run(FakeAnalyzer(script))
    recording_id, _ = queue()

    def die():
        leases.release(db, worker="")

    first = FakeAnalyzer([*script[:2], die, script[2]])
    run(first)
    second = FakeAnalyzer([*script[:2], lambda: None, script[2]])
    run(second)
    assert (first.chunks_given, second.chunks_given) == (2, 1)
    assert progress.status(db, who, recording_id).state is JobState.DONE
    assert (
        resumed(db, recording_id)
        == resumed(db, undisturbed)
        == [
            (0, 3, 0.0, pytest.approx(0.4)),
            (1, 2, pytest.approx(0.4), pytest.approx(0.8)),
            (2, 2, pytest.approx(0.8), pytest.approx(1.2)),
        ]
    )
    assert everything(recording_id) == everything(undisturbed)


def test_the_analyzer_itself_goes_on_with_equal_results(db, queue, run, everything, an_upload):
    def the_analyzer():
        return Analyzer(FakeClassifier(), FakeDetector(lambda rgb: [face_at(int(rgb.sum()) % 200, 40)]))

    clip = moving_clip()
    recording_ids = []
    for content in (clip, clip + b"\0\0\0\x08free"):
        recording_id, _ = queue(an_upload("video", content))
        recording_ids.append(recording_id)
    run(the_analyzer())
    stop = iter([*[False] * 70, True])
    run(the_analyzer(), stopping=lambda: next(stop))
    assert resumed(db, recording_ids[1]) == [(0, 51, 0.0, 10.0)]
    run(the_analyzer())
    assert len(resumed(db, recording_ids[0])) == 3
    assert resumed(db, recording_ids[1]) == resumed(db, recording_ids[0])
    assert everything(recording_ids[1]) == everything(recording_ids[0])


def test_after_the_last_chunk_nothing_is_analysed_again(db, queue, run, monkeypatch, who):
    recording_id, _ = queue()
    finish = leases.finish

    def die(*arguments):
        raise LeaseLostError(job_gone=False)

    monkeypatch.setattr(leases, "finish", die)
    run(FakeAnalyzer([[(0,)] * 3], damaged_frames=2, partial=True))
    leases.release(db, worker="")
    monkeypatch.setattr(leases, "finish", finish)
    second = FakeAnalyzer([[(0,)] * 3])
    run(second)
    assert second.chunks_given == 0
    assert progress.status(db, who, recording_id).state is JobState.PARTIAL
    with db.read() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.partial, recording.damaged_frames, recording.width_px) == (True, 2, 160)


@pytest.mark.parametrize("change", ["model", "settings"])
def test_no_other_model_or_setting_goes_on(db, queue, run, everything, change):
    recording_id, _ = queue()
    run(FakeAnalyzer([[(0,)] * 3, lambda: leases.release(db, worker=""), [(0,)] * 2]))
    assert count(db) == 3
    other = FakeAnalyzer([[(1,)] * 3, [(1,)] * 2])
    if change == "model":
        other.classifier.card.sha256 = "another-model"
    else:
        other.settings = replace(other.settings, min_face_px=99)
    run(other)
    assert other.chunks_given == 2
    assert [row[1] for row in everything(recording_id)] == [1] * 5


def test_a_place_that_is_not_found_again_begins_again(db, queue, run, who):
    recording_id, _ = queue()
    run(FakeAnalyzer([[(0,)] * 3, lambda: leases.release(db, worker=""), [(0,)] * 2]))
    second = FakeAnalyzer([[(0,)] * 3, [(0,)] * 2])
    stream = second.stream_video

    def lost(path, every_s, on_progress=None, resume=None):
        if resume is not None:
            raise BookmarkError("The place to go on from is not found in the video.")
        return stream(path, every_s, on_progress)

    second.stream_video = lost
    run(second)
    assert progress.status(db, who, recording_id).state is JobState.DONE
    assert indices(db, recording_id) == [0, 1, 2, 3, 4]
    assert [chunk[0] for chunk in resumed(db, recording_id)] == [0, 1]


def test_pictures_go_on_at_the_picture_where_it_stopped(db, queue, run, picture, who):
    recording_id, _ = queue(picture(1), picture(2), picture(3))
    stop = iter([False, False, True])
    run(
        FakeAnalyzer(pictures=[[expression(0), expression(1)], [expression(0)], []]),
        stopping=lambda: next(stop),
    )
    assert progress.status(db, who, recording_id).state is JobState.QUEUED
    run(FakeAnalyzer(pictures=[[expression(0), expression(1)]]))
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING
    with db.read() as session:
        found = session.execute(select(Sample.frame_index, Sample.track).order_by(Sample.frame_index, Sample.track))
        assert [tuple(row) for row in found] == [(0, 0), (0, 1), (1, 2), (2, 3), (2, 4)]


def test_a_thumbnail_of_before_is_not_replaced_by_a_worse_one(db, settings, queue, run, who):
    recording_id, _ = queue()
    run(FakeAnalyzer([[(0, 1)], lambda: leases.release(db, worker=""), [(0, 1)]]))
    previews.write_thumbnail(settings, recording_id, 0, np.full((90, 160, 3), 250, np.uint8), Box(0, 0, 90, 90))
    best = previews.thumbnail(settings, recording_id, 0)
    run(FakeAnalyzer([[(0, 1)], lambda: None, [(0, 1)]]))
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING
    assert previews.thumbnail(settings, recording_id, 0) == best


def test_a_failure_leaves_no_chunk_and_a_retry_begins_again(db, settings, queue, run, who):
    recording_id, _ = queue()
    run(FakeAnalyzer([[(0,)] * 2, KeyError("x")]))
    assert resumed(db, recording_id) == []
    control.retry(db, settings, who, recording_id)
    run(FakeAnalyzer([[(0,)] * 2, [(0,)]]))
    assert [chunk[0] for chunk in resumed(db, recording_id)] == [0, 1]


def test_at_the_end_nothing_of_the_others_is_kept(db, queue, run):
    queue()
    run(FakeAnalyzer([[(0, 1)] * 2]))
    with db.read() as session:
        assert session.scalar(select(Job.cursor)) is None


def test_a_stopping_worker_gives_the_job_back(db, queue, run, who):
    recording_id, (upload,) = queue()
    asked = iter([False, False, True])
    run(FakeAnalyzer([[(0,)]] * 5), stopping=lambda: next(asked))
    assert progress.status(db, who, recording_id).state is JobState.QUEUED
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


def test_a_taken_over_job_is_left_to_its_new_holder(db, queue, run, who):
    recording_id, (upload,) = queue()
    run(FakeAnalyzer([[(0,)], lambda: leases.release(db, worker=""), [(0,)]]))
    assert progress.status(db, who, recording_id).state is JobState.QUEUED
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


def test_the_only_face_of_all_pictures_is_taken(db, settings, queue, run, picture, who):
    recording_id, files = queue(picture(1), picture(2), picture(3))
    run(FakeAnalyzer(pictures=[[expression(5)], [], []]))
    assert progress.status(db, who, recording_id).state is JobState.DONE
    with db.read() as session:
        found = session.execute(select(Sample.frame_index, Sample.track, Sample.time_s).order_by(Sample.frame_index))
        assert [tuple(row) for row in found] == [(0, 0, 0.0), (1, -1, 1.0), (2, -1, 2.0)]
        assert session.get_one(Recording, recording_id).settings["face_choice"]["how"] == "only"
    assert not any(file.path.exists() for file in files)
    shown = progress.preview(db, settings, who, recording_id)
    assert shown.faces[0].track == 0
    assert shown.jpeg.startswith(b"\xff\xd8")


def test_faces_that_are_each_alone_in_their_picture_are_asked_about(db, settings, queue, run, picture, who):
    """Different people, each alone in a picture, were stored as one patient."""
    recording_id, _ = queue(picture(1), picture(2), picture(3))
    run(FakeAnalyzer(pictures=[[expression(0)], [expression(1)], [expression(0)]]))
    assert progress.status(db, who, recording_id).standing.sentence.startswith("Several pictures or faces")
    with db.read() as session:
        [(patient_id, found)] = needs.needs_of(session, [session.get_one(Recording, recording_id).patient_id]).items()
        assert needs.Need.CHOOSE_FACE in found, patient_id
    found = faces.candidates(db, settings, who, recording_id)
    assert [(face.track, face.first_s, face.share, face.suggested) for face in found] == [
        (number, number, 1 / 3, False) for number in range(3)
    ]
    assert all(face.thumbnail for face in found), "each picture's face is shown"
    faces.choose_track(db, settings, who, recording_id, [0, 2])
    with db.read() as session:
        kept = session.execute(select(Sample.frame_index, Sample.track).order_by(Sample.frame_index))
        assert [tuple(row) for row in kept] == [(0, 0), (1, -1), (2, 0)]
        choice = session.get_one(Recording, recording_id).settings["face_choice"]
        assert choice == {"how": "clinician", "tracks": [0, 2], "left_out": [0.3333], "pictures": 2}
    assert not list(previews.work_dir(settings, recording_id).glob("track-*"))


def test_a_group_picture_is_asked_about(db, settings, queue, run, picture, who):
    recording_id, _ = queue(picture(1), picture(2))
    run(FakeAnalyzer(pictures=[[expression(0)], [expression(0), expression(1)]]))
    assert progress.status(db, who, recording_id).state is JobState.CHOOSING
    with db.read() as session:
        assert session.get_one(Recording, recording_id).bits_per_pixel == 2.5, "the median of both"
    assert [(face.track, face.suggested) for face in faces.candidates(db, settings, who, recording_id)] == [
        (0, False),
        (1, False),
        (2, False),
    ]
    faces.choose_track(db, settings, who, recording_id, [0, 2])
    assert indices(db, recording_id) == [0, 1]


def test_the_same_pictures_after_their_analysis_are_known(db, queue, run, picture):
    recording_id, _ = queue(picture(1), picture(2))
    run(FakeAnalyzer(pictures=[[expression(0)], []]))
    again = [picture(2), picture(1)]
    assert queue(*again)[0] == recording_id
    assert not any(file.path.exists() for file in again)


def core():
    """An analyzer that decodes truly, and finds and labels as told."""
    return Analyzer(FakeClassifier(), FakeDetector(lambda rgb: [face_at(60, 40), face_at(300, 40)]))


def test_nothing_is_decoded_where_the_key_and_the_database_are(
    monkeypatch, db, settings, queue, run, picture, an_upload, who
):
    def refuse(*arguments, **named):
        raise AssertionError("a file was opened by a decoder in this process")

    jobs_of = [queue(an_upload("video", moving_clip()))[0], queue(picture(100), picture(200))[0]]
    monkeypatch.setattr("av.open", refuse)
    monkeypatch.setattr("PIL.Image.open", refuse)
    for _ in jobs_of:
        run(core())
    for recording_id in jobs_of:
        assert progress.status(db, who, recording_id).state is JobState.CHOOSING
        # How often the preview was replaced, and so which numbers are in it, depends on the computer's speed.
        seen = [face.track for face in previews.read_preview(settings, recording_id).faces]
        previews.keep_patient(settings, recording_id, seen)
        assert previews.read_preview(settings, recording_id) is not None


def test_the_pictures_of_animations_that_are_not_read_are_counted(db, queue, run, picture, an_upload, who, tmp_path):
    moving = an_upload("image", animation(tmp_path / "a.gif", 4).read_bytes())
    recording_id, _ = queue(moving, picture(200), an_upload("image", animation(tmp_path / "b.gif").read_bytes()))
    stop = iter([*[False] * 2, True])
    run(core(), stopping=lambda: next(stop))
    assert progress.status(db, who, recording_id).state is JobState.QUEUED
    run(core())
    with db.read() as session:
        assert session.get_one(Recording, recording_id).damaged_frames == 3 + 2


def left_over():
    """The processes that read files and are still there, ended ones that nobody waited for too."""
    server = reader.READERS._process.pid
    return Path(f"/proc/{server}/task/{server}/children").read_text().split()


@pytest.mark.skipif(sys.platform != "linux", reason="counted in /proc")
def test_a_reader_that_dies_half_way_fails_its_job_and_no_other(monkeypatch, db, queue, run, an_upload, who):
    broken, _ = queue(an_upload("video", moving_clip()))
    sound, _ = queue(an_upload("video", moving_clip() + b"\0\0\0\x08free"))
    server = Server("from tests.planted import dying; dying({link}, 60)")
    with monkeypatch.context() as planted:
        planted.setattr(reader, "READERS", server)
        run(core())
    server.stop()
    status = progress.status(db, who, broken)
    assert (status.state, status.error_code) == (JobState.FAILED, "unreadable_file")
    assert status.error_message == MEDIA_CODES["unreadable_file"]
    run(core())
    assert progress.status(db, who, sound).state is JobState.CHOOSING
    assert left_over() == []


@pytest.mark.skipif(sys.platform != "linux", reason="counted in /proc")
def test_a_reader_ends_with_a_job_that_is_paused_or_cancelled(db, settings, queue, run, an_upload, who):
    recording_id, _ = queue(an_upload("video", moving_clip()))
    stop = iter([*[False] * 5, True])
    run(core(), stopping=lambda: next(stop))
    assert left_over() == []
    run(core(), alive=lambda: control.cancel(db, settings, who, recording_id))
    assert progress.status(db, who, recording_id).state is JobState.CANCELLED
    assert left_over() == []


def test_a_reader_that_cannot_start_keeps_the_file(monkeypatch, db, settings, queue, run, an_upload, who):
    recording_id, (upload,) = queue(an_upload("video", moving_clip()))
    monkeypatch.setattr(reader, "READERS", Server("raise SystemExit({link})"))
    run(core())
    assert progress.status(db, who, recording_id).error_code == "reader_missing"
    assert upload.path.exists()
