"""The examples of docs/api.md, run as they stand there against a server."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from PIL import Image

from clinic.patients import caseload
from tests.media import moving_face, scene, write_clip

TEXT = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(bash|python)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def server(world):
    """The address of the app, served on a free port of this computer."""
    running = uvicorn.Server(uvicorn.Config(world.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not running.started:
            assert time.monotonic() < deadline
            thread.join(0.02)
        port = running.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join()


@pytest.mark.slow
def test_the_examples_do_what_is_said_of_them(world, server, tmp_path):
    folder = tmp_path / "examples"
    folder.mkdir()
    Image.fromarray(scene()).save(folder / "face.png")
    write_clip(folder / "visit.mp4", moving_face(4))
    said = [run(language, code, folder, world, server) for language, code in EXAMPLES]
    (recording,) = caseload.get_patient(world.db, world.who, world.patient).recordings
    assert '"label":"happy"' in said[0]
    assert said[1].startswith("ok happy {'angry': ")
    assert said[2] == f"{recording.id}\n"


def run(language, code, folder, world, server):
    """Run an example and return what it wrote."""
    if language == "bash" and shutil.which("curl") is None:
        pytest.skip("there is no curl")
    command = [sys.executable, "-c", code] if language == "python" else ["bash", "-c", code]
    variables = {"SERVER": server, "TOKEN": world.token, "PATIENT": world.patient}
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
