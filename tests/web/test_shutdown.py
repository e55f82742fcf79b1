"""What is changed at the server that Streamlit started."""

import signal

import pytest
import uvicorn

from fer_core.media.camera import CAMERA_BYTES
from web import shutdown


@pytest.fixture
def server():
    """A server that was not started, to which the signals go."""
    made = uvicorn.Server(uvicorn.Config(lambda *_: None, ws_max_size=200 << 20))
    made.config.load()
    before = {number: signal.signal(number, made.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_ends_in_time_takes_no_large_messages_and_says_no_name(server):
    assert b"server" in dict(server.config.encoded_headers)
    shutdown.prepare_server(lambda within_s: None)
    assert server.config.timeout_graceful_shutdown == shutdown.OPEN_WITHIN_S
    assert CAMERA_BYTES < server.config.ws_max_size == shutdown.MOST_OF_A_MESSAGE < 10**7
    assert b"server" not in dict(server.config.encoded_headers)


def test_the_worker_is_stopped_beside_the_server_which_then_ends_in_any_case(server, monkeypatch):
    stopped, ended, threads = [], [], []
    monkeypatch.setattr(shutdown, "END_WITHIN_S", 0.0)
    monkeypatch.setattr(shutdown.os, "_exit", ended.append)
    real = shutdown.threading.Thread
    monkeypatch.setattr(shutdown.threading, "Thread", lambda **made: threads.append(real(**made)) or threads[-1])
    shutdown.prepare_server(stopped.append)
    signal.raise_signal(signal.SIGTERM)
    threads[0].join()
    assert (stopped, ended, server.should_exit) == ([shutdown.WORKER_WITHIN_S], [0], True)
