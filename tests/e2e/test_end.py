"""The server ends when it is asked to, whatever its open windows are at."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.e2e


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
