"""What is changed at the server that Streamlit started."""

import signal
from types import SimpleNamespace

import pytest
import uvicorn

from clinic import requests_to_end
from fer_core.media.camera import CAMERA_BYTES
from tests.clinic.fakes import eventually
from web import shutdown


@pytest.fixture
def server():
    """A server that was not started, to which the signals go."""
    made = uvicorn.Server(uvicorn.Config(lambda *_: None, ws_max_size=200 << 20))
    made.config.load()
    before = {number: signal.signal(number, made.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
    yield made
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def steps(monkeypatch):
    """What the end does, in its order, instead of ending this process; its one worker is noted too."""
    done = []
    monkeypatch.setattr(requests_to_end, "cut_off_after", lambda seconds: done.append(("cut off", seconds)))
    monkeypatch.setattr(shutdown, "workers", [lambda within_s: done.append(("worker", within_s))])
    wait = SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda seconds: done.append(("answers", seconds)))
    monkeypatch.setattr(shutdown, "time", wait)
    monkeypatch.setattr(shutdown.os, "_exit", lambda code: done.append(("exit", code)))
    return done


def test_it_ends_in_time_takes_no_large_messages_and_says_no_name(server):
    assert b"server" in dict(server.config.encoded_headers)
    shutdown.prepare_server()
    assert server.config.timeout_graceful_shutdown == shutdown.OPEN_WITHIN_S
    assert CAMERA_BYTES < server.config.ws_max_size == shutdown.MOST_OF_A_MESSAGE < 10**7
    assert b"server" not in dict(server.config.encoded_headers)


CUT_OFF, WORKER, EXIT = ("cut off", shutdown.CUT_OFF_S), ("worker", shutdown.WORKER_WITHIN_S), ("exit", 0)


def test_the_worker_is_stopped_beside_the_server_which_then_ends_in_any_case(server, steps):
    server.started = True
    shutdown.prepare_server()
    signal.raise_signal(signal.SIGTERM)
    eventually(lambda: EXIT in steps)
    assert steps == [CUT_OFF, WORKER, ("answers", shutdown.END_WITHIN_S), EXIT]
    assert server.should_exit


def test_a_server_that_still_starts_ends_at_once(server, steps):
    """A migration may take minutes, and another start repeats it."""
    shutdown.prepare_server()
    signal.raise_signal(signal.SIGTERM)
    eventually(lambda: EXIT in steps)
    assert steps == [CUT_OFF, WORKER, EXIT]


def test_all_of_it_takes_less_than_five_seconds():
    from clinic.worker import supervisor, worker

    assert shutdown.WORKER_WITHIN_S + supervisor.KILLED_WITHIN_S <= shutdown.END_WITHIN_S < shutdown.CUT_OFF_S < 5
    assert shutdown.OPEN_WITHIN_S < shutdown.END_WITHIN_S
    assert worker.LAST_WORDS_OF_A_CHILD_S <= shutdown.WORKER_WITHIN_S
