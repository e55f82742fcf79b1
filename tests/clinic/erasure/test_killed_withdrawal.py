"""A process that is killed at each step of a withdrawal: it never was asked for, or it is finished by the worker."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from clinic.consent import consent, giving
from clinic.consent.consent import ConsentState, Scope
from clinic.erasure import deletion, withdrawal
from clinic.jobs import jobs, leases
from clinic.worker import analysis
from db.models import Job, Recording, Sample
from tests.clinic.fakes import FakeAnalyzer

ROOT = Path(__file__).parents[3]
PROCESS = """
# Imports once, then a child for each line that comes in; the child is killed at its step of that number.
import json, os, signal, sys
from sqlalchemy import event
from sqlalchemy.orm import Session
from clinic.access import Actor, Role
from clinic.consent.consent import Scope
from clinic.erasure import withdrawal
from clinic.settings import Settings
from db.engine import open_database
from storage.media import MediaStore

def withdraw(patient, account, last):
    left = [last]

    def step(*_):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    settings = Settings.from_environment()
    db = open_database(settings.database_url)
    event.listen(Session, "before_commit", step)
    event.listen(Session, "after_commit", step)
    delete = MediaStore.delete

    def deleting(self, upload_id):
        step()
        delete(self, upload_id)
        step()

    MediaStore.delete = deleting
    withdrawal.withdraw(db, settings, Actor(account, "", "", Role.CLINICIAN), patient, tuple(Scope))

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        withdraw(*json.loads(line))
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture
def settings(settings):
    return replace(settings, keep_files=True)


@pytest.fixture
def killed_at(settings, patient, who):
    """Return a function that withdraws in another process, killed at a step; it says whether it came so far."""
    environment = os.environ | settings.to_environment()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", PROCESS], cwd=ROOT, env=environment, **pipes) as process:

        def withdraw(step):
            process.stdin.write(json.dumps([patient, who.account_id, step]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline()) != 0

        yield withdraw
        process.stdin.close()
        process.wait(20)


@pytest.fixture
def visit(db, settings, who, patient, an_upload):
    """Return a function that adds a recording with results and a kept video, and one that waits."""

    def add():
        uploads = [an_upload(), an_upload()]
        for upload in uploads:
            jobs.enqueue(db, settings, who, patient, [upload], date(2026, 5, 4), model_sha256="fake-model")
            if upload is uploads[0]:
                claimed = leases.claim(db)
                reporter = analysis.Reporter(db, claimed)
                analysis.run(db, settings, claimed, lambda: FakeAnalyzer([[(0,)] * 3]), reporter)
        return [upload.path for upload in uploads]

    return add


def withdrawn(db, who, patient):
    return {one.state for one in consent.standings(db, who, patient)} == {ConsentState.WITHDRAWN}


@pytest.mark.attack("a process killed at each step of a withdrawal: whether it was asked for, and what then is left")
def test_a_withdrawal_is_whole_or_was_never_asked_for(db, settings, who, patient, visit, killed_at, attack):
    outcomes, step, files = [], 0, visit()
    while killed_at(step):
        asked = withdrawn(db, who, patient)
        outcomes.append(asked)
        if asked:
            # What the worker does at its start, and every minute.
            withdrawal.finish(db, settings)
            deletion.finish_erasures(db, settings)
            nothing_is_left(db, files)
            giving.record(db, who, patient, list(Scope), date(2026, 5, 4))
            files = visit()
        else:
            assert all(path.exists() for path in files), f"killed at step {step}: deleted before it was withdrawn"
            assert len(recordings(db)) == 2
        step += 1
    assert withdrawn(db, who, patient)
    deletion.finish_erasures(db, settings)
    nothing_is_left(db, files)
    assert outcomes == sorted(outcomes), "once it is asked for, it stays so"
    attack(lambda: (sorted(set(outcomes)), recordings(db)), ([False, True], []))
    assert len(outcomes) > 8, "there were too few steps to be killed at"


def nothing_is_left(db, files):
    with db.read() as session:
        assert session.scalars(select(Sample.recording_id)).all() == []
        assert session.scalars(select(Job.id)).all() == []
    assert recordings(db) == []
    assert [path for path in files if path.exists()] == []


def recordings(db):
    with db.read() as session:
        return session.scalars(select(Recording.id)).all()
