"""What Streamlit leaves open at its web server: ends it with its worker within 5 s of the signal, bounds messages."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

OPEN_WITHIN_S = 2
"""What is answered by then is answered; an upload goes on from its last piece when the server is back."""
WORKER_WITHIN_S = 3.0
"""A running analysis goes back to the queue after its present chunk; a worker that takes longer is ended by force."""
END_WITHIN_S = 4.0
"""Whatever is left then is cut off: nothing acknowledged is lost by it."""
MOST_OF_A_MESSAGE = 4 << 20
"""Bytes of a websocket message that are taken into memory. Streamlit takes 200 MB; pages send far less: files come by
requests, and a picture of the live view has half a megabyte."""


def prepare_server(stop_worker: Callable[[float], None]) -> None:
    """Make the uvicorn server of this process end in time, bound what it takes in at once, and hide its name.

    To be called once it runs. Streamlit starts uvicorn without a limit, and then two things hold it: a request whose
    body never comes, and a connection that was taken in during the very step in which the others were closed.
    Over that one, Streamlit's page asks every few seconds whether the server is back, and so it never idles.
    `stop_worker` is called with the seconds that remain.
    """
    # uvicorn hands its server to nobody, but its handler of the signal is one of the server's methods.
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if not isinstance(server, uvicorn.Server):
        return
    if server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = OPEN_WITHIN_S
    server.config.ws_max_size = MOST_OF_A_MESSAGE
    server.config.encoded_headers = [header for header in server.config.encoded_headers if header[0] != b"server"]
    asked = server.handle_exit

    def handle(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=_end, args=(stop_worker,), name="ending", daemon=True).start()
        asked(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _end(stop_worker: Callable[[float], None]) -> None:
    begun = time.monotonic()
    stop_worker(WORKER_WITHIN_S)
    time.sleep(max(0.0, begun + END_WITHIN_S - time.monotonic()))
    os._exit(0)
