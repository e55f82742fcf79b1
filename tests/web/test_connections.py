"""Connections over which no request comes are closed, and whoever asks gets in beside a thousand of them."""

import asyncio
import socket
from contextlib import closing
from types import SimpleNamespace

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from tests import loops
from web import connections
from web.connections import ASKED_WITHIN_S, MOST_WITHOUT, Connections

SILENT, HALF = b"", b"POST / HTTP/1.1\r\nHost: a"
ASKS = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(connections, "LOOKED_EVERY_S", 0.01)
    monkeypatch.setattr(connections, "MOST_WITHOUT", 3)


async def app(scope, receive, send):
    """Answer at once without reading, or never."""
    if scope["path"] == "/slow":
        await asyncio.Event().wait()
    await PlainTextResponse("reached")(scope, receive, send)


async def beside(attackers):
    """Return how many of these connections were closed beside an honest request, and what that got."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
        serving = asyncio.create_task(server.serve([listening]))
        keeping = asyncio.create_task(connections.keep_closing(server))
        opened = [await _sent(listening, one) for one in attackers]
        ended = [asyncio.create_task(reader.read()) for reader, _ in opened]
        await asyncio.wait(ended, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        while sum(map(connections._is_idle, server.server_state.connections)) > connections.MOST_WITHOUT:
            await asyncio.sleep(0)
        reader, writer = await _sent(listening, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        closed = sum(task.done() for task in ended)
        for _, one in [*opened, (reader, writer)]:
            one.close()
        keeping.cancel()
        server.force_exit = server.should_exit = True
        await serving
        await asyncio.gather(*ended, return_exceptions=True)
    return closed, answer.partition(b"\r\n")[0].decode()


async def _sent(listening, content):
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(content)
    return reader, writer


@pytest.mark.attack("a thousand connections over which no request comes, or half of one: whether somebody else gets in")
@pytest.mark.parametrize("content", [SILENT, HALF])
def test_connections_that_ask_nothing_leave_room(quick, content, attack):
    closed, answer = loops.run(beside([content] * 8))
    assert closed >= 5
    attack(lambda: answer, "HTTP/1.1 200 OK")


def test_what_is_being_answered_is_never_closed(quick):
    assert loops.run(beside([SILENT] * 8 + [ASKS]))[0] <= 8


class Known(SimpleNamespace):
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def connection(answered=None):
    closed = []
    cycle = None if answered is None else SimpleNamespace(response_complete=answered)
    return Known(cycle=cycle, closed=closed, transport=SimpleNamespace(abort=lambda: closed.append(True)))


def test_each_has_its_time_for_the_next_request():
    silent, goes_on, busy, websocket = connection(), connection(True), connection(False), Known()
    known, all_of_them = Connections(), [silent, goes_on, busy, websocket]
    assert known.close_due(all_of_them, 0.0) == 0
    goes_on.cycle = SimpleNamespace(response_complete=True)
    assert known.close_due(all_of_them, ASKED_WITHIN_S - 1) == 0
    assert known.close_due(all_of_them, ASKED_WITHIN_S) == 1
    assert (silent.closed, goes_on.closed, busy.closed) == ([True], [], [])
    assert known.close_due([goes_on, busy], 2 * ASKED_WITHIN_S - 1) == 1


def test_of_too_many_the_oldest_go():
    known, first = Connections(), [connection() for _ in range(5)]
    known.close_due(first, 0.0)
    later = [connection() for _ in range(MOST_WITHOUT)]
    assert known.close_due([*later, *first], 1.0) == 5
    assert all(one.closed for one in first)


def test_the_process_may_open_more_than_many_systems_begin_with():
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        connections.allow_more()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(connections.DESCRIPTORS, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
