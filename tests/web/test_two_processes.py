"""Two real web processes on one PostgreSQL: what holds at one holds at the other, and a killed one takes nothing along.

The same on machines of their own: tests/deploy/test_two_machines.py.
"""

import hashlib
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from clinic.accounts import sessions
from clinic.consent.consent import Scope
from clinic.erasure import withdrawal
from clinic.exchange import downloads
from clinic.recordings import incoming
from storage.sealed import CHUNK_BYTES
from tests import doors
from tests.clinic.conftest import cheap_hashes, db, patient, settings, who  # noqa: F401  # fixtures
from tests.clinic.fakes import eventually
from web.headers import COOKIE
from web.routes import PIECE_TYPE

ROOT = Path(__file__).parents[2]
CONTENT = os.urandom(3 * CHUNK_BYTES + 7)
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address):
    try:
        return httpx2.get(f"{address}/healthz", timeout=10).status_code == 200
    except httpx2.HTTPError:
        return False


class Web:
    """A web process of the program, without a worker of its own."""

    def __init__(self, settings, log):
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
        environment = os.environ | replace(settings, own_worker=False).to_environment()
        with log.open("wb") as said:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)


@pytest.fixture
def webs(db, settings, tmp_path):
    started = [Web(settings, tmp_path / f"web-{number}.log") for number in (1, 2)]
    try:
        for web in started:
            eventually(lambda web=web: answers(web.address), within_s=300)
        yield started
    finally:
        for web in started:
            web.process.kill()
            web.process.wait()


@pytest.fixture
def browser():
    """Return a function that makes a browser for a web process, signed in where it is given a token."""
    with ExitStack() as opened:

        def make(web, token=""):
            headers = {"Sec-Fetch-Site": "same-origin", "Origin": web.address}
            client = httpx2.Client(base_url=web.address, cookies={COOKIE: token}, headers=headers, timeout=120)
            return opened.enter_context(client)

        yield make


@pytest.mark.attack("two web processes on PostgreSQL: what one forbids, tried at the other; one killed in an upload")
def test_what_holds_at_one_holds_at_the_other(db, settings, patient, who, webs, browser, attack):
    token = sessions.sign_in(db, who.name, doors.PASSWORD)
    first, second = (browser(web, token) for web in webs)
    assert [client.get("/your-account").status_code for client in (first, second)] == [200, 200]

    # Guesses at one, and then the right password at the other.
    doors.add_account(db, "Dr. Guessed")
    for _ in range(5):
        browser(webs[0]).post("/sign-in", data={"name": "Dr. Guessed", "password": "no"})
    right = {"name": "Dr. Guessed", "password": doors.PASSWORD}
    attack(lambda: browser(webs[1]).post("/sign-in", data=right).status_code, 429)

    # An archive that waits, and a consent that goes.
    ticket = downloads.prepare(db, settings, who, patient)
    withdrawal.withdraw(db, settings, who, patient, [Scope.EXPORT])
    attack(lambda: second.get(f"/downloads/{ticket}").status_code, 404)

    # An upload whose process is killed while a piece comes in.
    upload_id = incoming.begin(db, settings, who, len(CONTENT)).id
    assert send(first, upload_id, 0, CONTENT[:CHUNK_BYTES]).status_code == 204
    with pytest.raises(httpx2.HTTPError):
        send(first, upload_id, CHUNK_BYTES, until_killed(webs[0].process))
    offset = int(second.head(f"/uploads/{upload_id}").headers["upload-offset"])
    assert offset >= CHUNK_BYTES, "what was acknowledged is kept"
    attack(lambda: send(second, upload_id, offset, CONTENT[offset:]).status_code, 204)
    kept = incoming.status(settings, upload_id, who.account_id)
    assert kept.sha256 == hashlib.sha256(CONTENT).hexdigest()

    sessions.sign_out(db, sessions.actor_of(db, token))
    attack(lambda: second.get("/your-account").status_code, 401)


def send(client, upload_id, offset, content):
    told = {"Upload-Offset": str(offset), "Content-Type": PIECE_TYPE}
    return client.patch(f"/uploads/{upload_id}", content=content, headers=told)


def until_killed(process):
    """A piece that never ends: in the middle of it, its receiver is killed."""
    yield CONTENT[CHUNK_BYTES : 2 * CHUNK_BYTES]
    process.kill()
    process.wait()
    yield from [CONTENT[2 * CHUNK_BYTES :]] * 2
