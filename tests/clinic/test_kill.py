"""Killed at any moment of uploads and deletes: nothing that was acknowledged is lost, and no row points to nothing.

``KILLS=200`` in the environment makes it longer.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from clinic.erasure import deletion
from clinic.recordings import uploads
from db.models import Job, Recording
from storage.media import open_store
from tests.clinic.fakes import eventually

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "12"))
PROCESS = """
# Imports once, then a child for each line that comes in: so that most of its life is work.
import hashlib, io, os, random, sys
from datetime import date
import numpy as np
from PIL import Image
from clinic.erasure import deletion
from clinic.jobs import jobs
from clinic.recordings import incoming, uploads
from clinic.recordings.pieces import Piece
from clinic.access import Actor, Role
from clinic.settings import Settings
from db.engine import open_database
from fer_core.media.verdict import FileVerdict

settings = Settings.from_environment()
# Looking at a file takes most of the time and writes nothing.
uploads.inspect_file = lambda file: FileVerdict("image", 400, 300)

def say(*words):
    descriptor = os.open(settings.data_dir / "said", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (" ".join(words) + "\\n").encode())
    os.close(descriptor)

def upload(db, who, patient):
    written = io.BytesIO()
    Image.fromarray(np.frombuffer(os.urandom(300 * 400 * 3), np.uint8).reshape(300, 400, 3)).save(written, "PNG")
    content = written.getvalue()
    begun, digests = incoming.begin(db, settings, who, len(content)), {}
    while begun.sha256 is None:
        piece = Piece(settings, begun.id, begun.offset, digests, who.account_id)
        piece.write(content[begun.offset : begun.offset + 300_000])
        begun = piece.close()
    made = incoming.complete(settings, begun.id, "visit.png", who.account_id)
    queued = jobs.enqueue(db, settings, who, patient, [made], date(2026, 1, 1), model_sha256="m")
    say("stored", queued.recording_id, hashlib.sha256(content).hexdigest())
    return queued.recording_id

def work():
    db, patient, who = open_database(settings.database_url), sys.argv[1], Actor(sys.argv[2], "", "", Role.CLINICIAN)
    while True:
        mine = [upload(db, who, patient) for _ in range(2)]
        say("deleting", mine[0])
        deletion.delete_recording(db, settings, who, mine[0])
        say("deleted", mine[0])

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        work()
    print(child, flush=True)
    os.waitpid(child, 0)
"""


@pytest.fixture
def program(db, settings, patient, who):
    environment = os.environ | {
        "FER_DATA_DIR": str(settings.data_dir),
        "FER_DATABASE_URL": settings.database_url,
        "FER_KEY_DIR": str(settings.key_dir),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", PROCESS, patient, who.account_id]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        yield process
        process.stdin.close()
        process.wait(20)


def said_so_far(settings):
    said = settings.data_dir / "said"
    return said.read_text().count("\n") if said.exists() else 0


def test_kills_leave_no_dangling_row_and_lose_no_file(db, settings, program):
    dice = random.Random(KILLS)
    for number in range(KILLS):
        if number % 20 == 19:
            # Each kill leaves an upload half-way, and only so many may be under way.
            uploads.sweep(settings, db, older_than_s=-60)
        program.stdin.write("go\n")
        program.stdin.flush()
        child = int(program.stdout.readline())
        # After so many steps, whatever the speed of the machine, and then at any moment.
        steps = said_so_far(settings) + dice.randrange(5)
        eventually(lambda steps=steps: said_so_far(settings) >= steps)
        time.sleep(dice.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
    deletion.finish_erasures(db, settings)
    said = [line.split() for line in (settings.data_dir / "said").read_text().splitlines()]
    stored = {words[1]: words[2] for words in said if words[0] == "stored"}
    going = {words[1] for words in said if words[0] == "deleting"}
    gone = {words[1] for words in said if words[0] == "deleted"}
    assert len(stored) > KILLS / 4, "too little happened between the kills"
    with db.read() as session:
        sources = {row.recording_id: row.sources for row in session.execute(select(Job.recording_id, Job.sources))}
        assert set(session.scalars(select(Recording.id))) == set(sources)
    assert set(stored) - going <= set(sources), "an acknowledged recording is lost"
    assert not gone & set(sources), "a deleted recording is back"
    for recording_id, (source,) in sources.items():
        with uploads.open_stored(settings, source["id"]) as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        assert digest == source["sha256"] == stored.get(recording_id, digest)
    uploads.sweep(settings, db, older_than_s=-60)
    assert {file.id for file in open_store(settings).files()} == {source["id"] for (source,) in sources.values()}
    assert list(uploads.uploads_dir(settings).iterdir()) == []
