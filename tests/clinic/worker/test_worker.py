"""The worker process: alone, killed and started again, stopped, orphaned."""

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from clinic.jobs import control, jobs, leases, progress
from clinic.worker import worker
from clinic.worker_health import read_health
from db.models import JobState, Recording, Sample, StoredChunk
from storage import at_work
from tests.clinic.fakes import FakeAnalyzer, blank_picture, eventually, expression

ROOT = Path(__file__).parents[3]
PROCESS = """
import os, sys, time
from pathlib import Path
from clinic.worker import worker
from clinic.settings import Settings
from db.engine import open_database
from tests.clinic.fakes import FakeAnalyzer

settings = Settings.from_environment()

def gate():
    # Stays here, in the middle of the video, until the test opens the gate.
    (settings.data_dir / "reached").touch()
    while not (settings.data_dir / "open").exists():
        report(FakeAnalyzer.progress(1))
        time.sleep(0.02)

analyzer = FakeAnalyzer([[(0,)] * 3, gate, [(0,)] * 3])
stream = analyzer.stream_video

def remembering(path, every_s, on_progress=None, resume=None):
    global report
    report = on_progress
    return stream(path, every_s, on_progress, resume=resume)

analyzer.stream_video = remembering
parent = int(sys.argv[1]) if len(sys.argv) > 1 else None
sys.exit(worker.main(settings, open_database(settings.database_url), parent, lambda: analyzer))
"""


@pytest.fixture
def start(settings):
    """Return a function that starts a worker process with a scripted analyzer; all are ended at the end."""
    started = []

    def process(*arguments, text=PROCESS):
        environment = {
            **os.environ,
            "FER_DATA_DIR": str(settings.data_dir),
            "FER_DATABASE_URL": settings.database_url,
        }
        child = subprocess.Popen([sys.executable, "-c", text, *arguments], cwd=ROOT, env=environment)
        started.append(child)
        return child

    yield process
    for child in started:
        child.kill()
        child.wait()


@pytest.fixture
def queued(db, settings, patient, an_upload, who):
    upload = an_upload("video")
    return jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="fake-model").recording_id


def reached(settings):
    return (settings.data_dir / "reached").exists()


def test_a_killed_worker_s_job_is_done_by_the_next_with_no_row_twice(db, settings, queued, start, who):
    first = start()
    eventually(lambda: reached(settings))
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert progress.status(db, who, queued).state is JobState.RUNNING
    (settings.data_dir / "open").touch()
    start()
    eventually(lambda: progress.status(db, who, queued).finished)
    assert progress.status(db, who, queued).state is JobState.DONE
    with db.read() as session:
        assert Counter(session.scalars(select(Sample.frame_index))) == Counter(range(6))
    assert not list((settings.data_dir / "uploads").iterdir())


def test_what_was_written_is_not_done_again(db, settings, queued, start, who):
    first = start()
    eventually(lambda: reached(settings))
    assert tokens(db) == [1], "the chunk before the gate is written"
    first.send_signal(signal.SIGKILL)
    first.wait()
    (settings.data_dir / "open").touch()
    start()
    eventually(lambda: progress.status(db, who, queued).finished)
    before, after = tokens(db)
    assert before == 1
    assert after > 1


def tokens(db):
    """The fencing tokens under which the chunks were written, in the chunks' order."""
    with db.read() as session:
        return list(session.scalars(select(StoredChunk.lease_token).order_by(StoredChunk.number)))


def test_a_worker_that_starts_leaves_alone_what_others_hold(settings, db, queued, who):
    leases.claim(db, worker=worker.name_of(2))
    leases.release(db, worker.name_of(1))
    assert progress.status(db, who, queued).state is JobState.RUNNING
    leases.release(db, worker.name_of(2))
    assert progress.status(db, who, queued).state is JobState.QUEUED


def test_pictures_are_answered_in_the_middle_of_a_video(db, settings, patient, an_upload, who):
    video = jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 1, 1), model_sha256="fake-model")
    done_at = []

    def hand_in_a_picture():
        upload = an_upload("image", blank_picture())
        pictures = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="fake-model")
        done_at.append(pictures.recording_id)

    def look():
        assert progress.status(db, who, done_at[0]).state is JobState.DONE, "before the video's next chunk"
        assert progress.status(db, who, video.recording_id).state is JobState.RUNNING

    script = [[(0,)], hand_in_a_picture, [(0,)], look, [(0,)]]
    analyzer = FakeAnalyzer(script, pictures=[[expression(0)]])
    working = worker.Worker(settings, db, lambda: analyzer, report_every_s=0.0)
    assert working.work_once()
    assert done_at
    assert progress.status(db, who, video.recording_id).state is JobState.DONE


def test_a_job_for_another_model_makes_the_worker_look_for_it_once(db, settings, patient, an_upload, who):
    opened = []

    def open_analyzer():
        opened.append(1)
        return FakeAnalyzer([[(0,)]])

    working = worker.Worker(settings, db, open_analyzer)
    for _ in range(2):
        asked = jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 1, 1), model_sha256="newer")
        assert working.work_once()
        assert progress.status(db, who, asked.recording_id).state is JobState.DONE
    assert len(opened) == 2
    with db.read() as session:
        assert set(session.scalars(select(Recording.model_sha256))) == {"fake-model"}, "what it was made with"


def test_a_running_analysis_is_cancelled_soon(db, settings, queued, start, who):
    start()
    eventually(lambda: reached(settings))
    control.cancel(db, settings, who, queued)
    eventually(lambda: progress.status(db, who, queued).state is JobState.CANCELLED, within_s=5.0)
    with db.read() as session:
        assert session.scalars(select(Sample)).all() == []


def test_sigterm_gives_the_job_back_and_ends_well(db, settings, queued, start, who):
    child = start()
    eventually(lambda: reached(settings))
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert progress.status(db, who, queued).state is JobState.QUEUED


STUCK = PROCESS.replace("report(FakeAnalyzer.progress(1))", "pass")
"""The same, but it never asks whether it shall end."""


def test_sigterm_ends_a_worker_that_hears_nothing(db, settings, queued, start, who):
    child = start(text=STUCK)
    eventually(lambda: reached(settings))
    child.send_signal(signal.SIGTERM)
    # It ends itself after 3.5 s; the rest is for a busy machine. The analysis alone would go on until the gate opens.
    assert child.wait(15) == worker.PARENT_GONE
    assert worker.LAST_WORDS_S < 5


def test_a_worker_without_its_parent_ends(settings, db, start):
    # The parent that is named is not this process: as if it had died before.
    assert start(str(os.getpid() + 1)).wait(20) == 0


def test_there_is_one_worker_for_a_folder(settings, db, start):
    with at_work.alone(settings.data_dir):
        assert start().wait(20) == worker.ALREADY_RUNNING


def test_the_worker_says_how_it_is(settings, db, start):
    child = start()
    health = eventually(lambda: (said := read_health(settings)) and said.sentence and said)
    assert health.pid == child.pid
    assert health.alive
    # The scripted analyzer finds nothing in the drawn clip, and that is said.
    assert health.sound is False
    assert health.sentence.endswith(".")
    assert health.device == "a fake"


def test_the_analyzer_is_opened_once(db, settings, patient, an_upload, who):
    opened = []

    def open_analyzer():
        opened.append(1)
        return FakeAnalyzer([[(0,)]])

    working = worker.Worker(settings, db, open_analyzer)
    for _ in range(2):
        jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 1, 1), model_sha256="fake-model")
        assert working.work_once()
    assert not working.work_once()
    assert len(opened) == 1


def test_what_fails_beside_analyses_ends_no_worker(db, settings, patient, an_upload, who, monkeypatch, caplog):
    failing = (
        "housekeeping.deletion.finish_erasures",
        "housekeeping.uploads.sweep",
        "worker.retention.sweep",
        "worker.digests.refresh",
    )
    for name in failing:
        monkeypatch.setattr(f"clinic.worker.{name}", lambda *_: {}["nothing"])
    jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 1, 1), model_sha256="fake-model")
    working = worker.Worker(settings, db, lambda: FakeAnalyzer([[(0,)]]))
    next(working._steps())
    assert not working.work_once(), "the analysis was done"
    said = [record.getMessage() for record in caplog.records if record.name == "clinic.worker.worker"]
    assert said == [
        f"{what} of the worker failed: KeyError" for what in ("erasures", "housekeeping", "retention", "digests")
    ]
    caplog.clear()


def test_an_erasure_that_fails_is_tried_again_by_the_same_worker(db, settings, monkeypatch, caplog):
    tried = []

    def fail_once(*_):
        tried.append(1)
        if len(tried) == 1:
            raise OSError

    monkeypatch.setattr("clinic.worker.housekeeping.deletion.finish_erasures", fail_once)
    monkeypatch.setattr(worker, "HOUSEKEEPING_EVERY_S", -1.0)
    steps = worker.Worker(settings, db, lambda: FakeAnalyzer([[(0,)]]))._steps()
    for _ in range(2):
        next(steps)
    assert len(tried) == 2
    assert "erasures of the worker failed: OSError" in caplog.text
    caplog.clear()
