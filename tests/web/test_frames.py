"""A websocket over which only frames come, and no messages, is cut; a page that sends much goes on."""

import asyncio
import socket
from contextlib import closing, suppress

import pytest
import uvicorn

from tests import loops
from web import frames
from web.frames import A_SECOND, BURST, Frames

ASKS = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ENDS, GOES_ON = 0x80, 0
NEXT, BINARY, PING, PONG = 0, 2, 9, 10
LAST = b"\x81\x011"
"""The answer to a message of one byte."""


def frame(kind, more=ENDS, content=b""):
    """Return a frame as a browser sends it, under a mask of zeros; `content`: under 126 bytes."""
    return bytes([more | kind, 0x80 | len(content)]) + bytes(4) + content


async def app(scope, receive, send):
    """Answer each message with the number of its bytes, until the line ends."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message["bytes"]))})


async def answers_to(content):
    """Return what a server answers behind the handshake to these frames, up to `LAST` or the end of the line."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = uvicorn.Config(app, lifespan="off", log_level="critical", ws="websockets-sansio")
        config.load()
        frames.bound(config)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(ASKS)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(content)
        found = b""
        with suppress(ConnectionResetError):
            while LAST not in found and (more := await reader.read(1 << 16)):
                found += more
        writer.close()
        server.force_exit = server.should_exit = True
        await serving
    return found


@pytest.mark.attack("websockets: a message of thousands of frames without a byte, and thousands of pings and pongs")
@pytest.mark.parametrize(
    "flood",
    [
        frame(BINARY, GOES_ON) + frame(NEXT, GOES_ON) * 5000 + frame(NEXT, ENDS, b"a"),
        frame(PONG) * 5000 + frame(BINARY, ENDS, b"a"),
        frame(PING) * 5000 + frame(BINARY, ENDS, b"a"),
        frame(BINARY, ENDS) * 5000 + frame(BINARY, ENDS, b"a"),
    ],
)
def test_a_line_of_frames_without_an_end_is_cut(flood, attack):
    attack(lambda: LAST in loops.run(answers_to(flood)), False)


def test_a_page_that_sends_much_goes_on():
    message = frame(BINARY, GOES_ON, b"a" * 60) + frame(PING) + frame(NEXT, ENDS, b"a" * 60)
    found = loops.run(answers_to(message * 300 + frame(BINARY, ENDS, b"a")))
    assert found.count(b"\x81\x03120") == 300


def test_frames_of_a_line_come_back_with_time():
    now = [0.0]
    line = Frames(lambda: now[0])
    assert line.take(int(BURST))
    now[0] = 1.0
    assert line.take(int(A_SECOND))
    assert not line.take(1)
