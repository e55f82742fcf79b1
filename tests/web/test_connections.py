"""Connections over which nothing comes or goes are closed, and whoever asks gets in beside a thousand of them."""

import asyncio
import socket
import sys
from contextlib import closing
from types import SimpleNamespace

import pytest
import uvicorn
from starlette.responses import PlainTextResponse, StreamingResponse

from tests import loops
from web import connections
from web.connections import ASKED_WITHIN_S, LEAST_BYTES, MOST_WITHOUT, MOVES_WITHIN_S, Connections

SILENT, HALF = b"", b"POST / HTTP/1.1\r\nHost: a"
ASKS = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
READS_NOTHING = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n" * 20


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(connections, "LOOKED_EVERY_S", 0.01)
    monkeypatch.setattr(connections, "MOST_WITHOUT", 3)


async def app(scope, receive, send):
    """Answer at once without reading, or never."""
    if scope["path"] == "/slow":
        await asyncio.Event().wait()
    if scope["path"] == "/endless":
        await StreamingResponse(endless())(scope, receive, send)
    await PlainTextResponse("reached")(scope, receive, send)


async def endless():
    """Yield without an end, as a video does for one who doesn't read it."""
    while True:
        yield bytes(1 << 16)
        await asyncio.sleep(0)


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


class Transport:
    """A line that says what waits for its reader, what the reader has received, and what came, as Linux does."""

    def __init__(self, closed, waits):
        self.waits, self.received, self.came, self._closed = waits, 0, 0, closed

    def abort(self):
        self._closed.append(True)

    def get_write_buffer_size(self):
        return self.waits

    def get_extra_info(self, _name):
        return self

    def getsockopt(self, *_asked):
        return bytes(120) + self.received.to_bytes(8, sys.byteorder) + self.came.to_bytes(8, sys.byteorder)


def request(answered=False, more_body=False, body=b""):
    return SimpleNamespace(response_complete=answered, more_body=more_body, body=body)


def connection(answered=None, waits=0, address="a", **body):
    closed = []
    cycle = None if answered is None else request(answered, **body)
    return Known(cycle=cycle, closed=closed, transport=Transport(closed, waits), client=(address, 1))


def test_each_has_its_time_for_the_next_request():
    silent, goes_on, busy, websocket = connection(), connection(True), connection(False), Known()
    known, all_of_them = Connections(), [silent, goes_on, busy, websocket]
    assert known.close_due(all_of_them, 0.0) == 0
    goes_on.cycle = request(True)
    assert known.close_due(all_of_them, ASKED_WITHIN_S - 1) == 0
    assert known.close_due(all_of_them, ASKED_WITHIN_S) == 1
    assert (silent.closed, goes_on.closed, busy.closed) == ([True], [], [])
    assert known.close_due([goes_on, busy], 2 * ASKED_WITHIN_S - 1) == 1


@pytest.mark.attack("requests one after the other whose answers nobody reads: which of such connections stay open")
def test_answers_that_nobody_takes_are_broken_off(monkeypatch, attack):
    monkeypatch.setattr(connections, "LOOKED_EVERY_S", 0.01)
    monkeypatch.setattr(connections, "MOVES_WITHIN_S", 0.1)
    attack(lambda: loops.run(left_by_those_who_read_nothing()), [])


async def left_by_those_who_read_nothing():
    """Return what is open once each of some connections has asked and read nothing, or wait for ever."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
        serving = asyncio.create_task(server.serve([listening]))
        keeping = asyncio.create_task(connections.keep_closing(server))
        asking = [socket.create_connection(listening.getsockname()) for _ in range(4)]
        for one in asking:
            one.sendall(READS_NOTHING)
        while len(server.server_state.connections) < len(asking):
            await asyncio.sleep(0)
        while server.server_state.connections:
            await asyncio.sleep(0.01)
        for one in asking:
            one.close()
        keeping.cancel()
        server.force_exit = server.should_exit = True
        await serving
        return list(server.server_state.connections)


def test_a_slow_line_that_moves_goes_on_and_one_that_stands_still_ends():
    slow, stands, done, computes = connection(False, 1), connection(False, 1), connection(True, 1), connection(False)
    known, all_of_them = Connections(), [slow, stands, done, computes]
    for minutes in range(3):
        closed = known.close_due(all_of_them, minutes * (MOVES_WITHIN_S - 1))
        assert closed == (2 if minutes == 2 else 0)
        slow.transport.received += LEAST_BYTES
    assert (slow.closed, stands.closed, done.closed, computes.closed) == ([], [True], [True], [])


def test_drops_of_an_answer_do_not_keep_a_line():
    drops = connection(False, 1)
    known = Connections()
    for second in range(int(MOVES_WITHIN_S)):
        assert known.close_due([drops], float(second)) == 0
        drops.transport.received += LEAST_BYTES // 100
    assert known.close_due([drops], MOVES_WITHIN_S) == 1


@pytest.mark.attack("requests of which the body never comes, or drop by drop: which of such connections stay open")
def test_bodies_that_do_not_come_are_not_waited_for(attack):
    never, drops, moves = (connection(False, more_body=True) for _ in range(3))
    whole, unread = connection(False), connection(False, more_body=True, body=b"waits for the disk")
    known, all_of_them = Connections(), [never, drops, moves, whole, unread]

    def left_open():
        for second in range(int(2 * MOVES_WITHIN_S)):
            known.close_due(all_of_them, float(second))
            drops.transport.came += 1
            moves.transport.came += LEAST_BYTES // 50
        names = {"never": never, "drops": drops, "moves": moves, "whole": whole, "unread": unread}
        return [name for name, one in names.items() if not one.closed]

    attack(left_open, ["moves", "whole", "unread"])


def test_the_next_request_has_its_own_time_for_its_body():
    goes_on, known = connection(False, more_body=True), Connections()
    known.close_due([goes_on], 0.0)
    goes_on.cycle = request(more_body=True)
    assert known.close_due([goes_on], MOVES_WITHIN_S) == 0
    assert known.close_due([goes_on], 2 * MOVES_WITHIN_S) == 1


def test_a_body_is_waited_for_where_the_system_tells_nothing(monkeypatch):
    monkeypatch.delattr(socket, "TCP_INFO", raising=False)
    comes, known = connection(False, more_body=True), Connections()
    assert [known.close_due([comes], second * MOVES_WITHIN_S) for second in range(3)] == [0, 0, 0]


def test_where_the_system_tells_nothing_what_it_takes_is_counted(monkeypatch):
    monkeypatch.delattr(socket, "TCP_INFO", raising=False)
    moves, stands = connection(False, LEAST_BYTES * 2), connection(False, LEAST_BYTES * 2)
    known = Connections()
    known.close_due([moves, stands], 0.0)
    moves.transport.waits = LEAST_BYTES
    known.close_due([moves, stands], MOVES_WITHIN_S)
    assert (moves.closed, stands.closed) == ([], [True])


def test_what_crowds_makes_room_for_other_addresses():
    others, crowd = [connection(False, address="b") for _ in range(2)], [connection(False) for _ in range(6)]
    known = Connections(most_open=5)
    assert known.close_due([*others, *crowd], 0.0) == 3
    assert sum(map(len, (one.closed for one in crowd))) == 3
    assert not any(one.closed for one in others)


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
