"""The server ends when it is asked to, whatever its open windows are at."""

from __future__ import annotations

import http.client
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from clinic.accounts import sessions
from clinic.recordings import incoming
from clinic.settings import Settings
from clinic.worker_health import read_health
from storage.wrapping import HEADER_BYTES
from tests.clinic.fakes import eventually
from tests.doors import PASSWORD

pytestmark = pytest.mark.e2e


@pytest.mark.usefixtures("no_worker")
def test_a_request_that_stands_still_does_not_hold_the_server(web):
    there = urlsplit(web.address)
    with socket.create_connection((there.hostname, there.port)) as line:
        line.sendall(
            f"POST /sign-in HTTP/1.1\r\nHost: {there.netloc}\r\nContent-Length: 100\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        # So it says that it is waiting for the rest, which never comes.
        line.settimeout(20)
        assert line.recv(100).startswith(b"HTTP/1.1 100")
        web.end()
    assert web.process.returncode in (0, -15)


def patch(address, upload_id, token):
    """Send a whole upload of one byte."""
    headers = {
        "Cookie": f"sign_in={token}",
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "0",
    }
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=50)) as connection:
        connection.request("PATCH", f"/uploads/{upload_id}", b"x", headers)
        return connection.getresponse().status


def status_of(address, path, token):
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)) as connection:
        connection.request("GET", path, headers={"Cookie": f"sign_in={token}"})
        return connection.getresponse().status


def alive(pid):
    """Whether a process runs; one that has ended and that nobody asked about yet (Z) does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return state.strip()[:1] not in ("", "Z")


@pytest.mark.attack("uploads while the disk takes a minute for each: small requests, and the end of server and worker")
def test_a_slow_disk_holds_up_neither_pages_nor_the_end(account, slow_disk, data, web, attack):
    token = sessions.sign_in(account, "Dr. Invented", PASSWORD)
    settings = Settings.at(data)
    who = sessions.actor_of(account, token)
    health = eventually(lambda: read_health(settings), 60)
    uploads = [incoming.begin(account, settings, who, 1).id for _ in range(incoming.MOST_OF_ONE)]
    slow_disk.touch()
    with ThreadPoolExecutor(len(uploads)) as threads:
        sent = [threads.submit(patch, web.address, upload_id, token) for upload_id in uploads]
        # All pieces are in the middle of being made safe, which takes longer than this test may.
        eventually(lambda: all(incoming_size(settings, upload_id) for upload_id in uploads))
        for path in ("/_stcore/health", "/caseload", "/your-account"):
            attack(lambda path=path: status_of(web.address, path, token), 200)
        assert not any(one.done() for one in sent)
        web.end()
        # Nothing was acknowledged that is not safe.
        assert all(one.exception() is not None or one.result() == 500 for one in sent)
    attack(lambda: alive(health.pid), False)


def incoming_size(settings, upload_id):
    """Whether the piece was written, sealed, and waits for the disk."""
    return (settings.data_dir / "uploads" / f"{upload_id}.part").stat().st_size > HEADER_BYTES
