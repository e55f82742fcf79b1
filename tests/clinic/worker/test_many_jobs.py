"""A hundred analyses that wait, and workers of which one is killed again and again: each is done exactly once."""

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from clinic.jobs import jobs
from clinic.worker import worker
from db.models import Job, JobState, Sample, StoredChunk
from tests.clinic.fakes import eventually

ROOT = Path(__file__).parents[3]
JOBS, KILLED_AT = 100, (30, 70)
WITHIN_S = 400.0
"""All of it takes some 20 s of processor time."""
PROCESS = """
import sys
from clinic.settings import Settings
from clinic.worker import worker
from db.engine import open_database
from tests.clinic.fakes import FakeAnalyzer

settings, number = Settings.from_environment(), int(sys.argv[1])

def opened():
    (settings.data_dir / f"ready-{number}").touch()
    return FakeAnalyzer([[(0,)] * 2, [(0,)] * 2])

sys.exit(worker.main(settings, open_database(settings.database_url), None, opened, number))
"""


@pytest.fixture
def start(settings):
    """Return a function that starts the worker of a number; all are ended at the end."""
    started = []

    def process(number):
        (settings.data_dir / f"ready-{number}").unlink(missing_ok=True)
        environment = os.environ | settings.to_environment() | {"OMP_NUM_THREADS": "1"}
        child = subprocess.Popen([sys.executable, "-c", PROCESS, str(number)], cwd=ROOT, env=environment)
        started.append(child)
        return child

    yield process
    for child in started:
        child.kill()
        child.wait()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_hundred_jobs_are_done_once_each(db, settings, patient, who, an_upload, start, workers):
    running = [start(number) for number in range(1, workers + 1)]
    eventually(lambda: all((settings.data_dir / f"ready-{number}").exists() for number in range(1, workers + 1)))
    for _ in range(JOBS):
        jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 1, 1), model_sha256="fake-model")
    for many in KILLED_AT:
        eventually(lambda many=many: done(db) >= many, WITHIN_S)
        running[0].send_signal(signal.SIGKILL)
        running[0].wait()
        running[0] = start(1)
    eventually(lambda: done(db) == JOBS, WITHIN_S)

    with db.read() as session:
        found = list(session.execute(select(Job.recording_id, Job.state, Job.worker)))
        moments = Counter(tuple(row) for row in session.execute(select(Sample.recording_id, Sample.frame_index)))
        chunks = Counter(tuple(row) for row in session.execute(select(StoredChunk.recording_id, StoredChunk.number)))
    assert {row.state for row in found} == {JobState.DONE.value}
    assert moments == Counter({(row.recording_id, index): 1 for row in found for index in range(4)})
    assert set(chunks.values()) == {1}
    assert len(chunks) == 2 * JOBS
    assert {row.worker for row in found} == {worker.name_of(number) for number in range(1, workers + 1)}
    # The files went with their analyses, whoever died over them.
    eventually(lambda: not list(Path(settings.media_url).iterdir()))


def done(db):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Job).where(Job.state == JobState.DONE.value))
