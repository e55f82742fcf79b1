"""What Streamlit leaves open at its web server: ends it with its worker within 5 s of the signal, bounds messages."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial

import uvicorn

from clinic import requests_to_end

OPEN_WITHIN_S = 2
"""What is answered by then is answered; an upload goes on from its last piece when the server is back."""
WORKER_WITHIN_S = 2.5
"""A running analysis goes back to the queue after its present chunk; a worker that takes longer is ended by force."""
END_WITHIN_S = 3.5
"""Whatever is left then is cut off: nothing acknowledged is lost by it."""
CUT_OFF_S = 4.5
"""Then the system ends this process, should no thread of it have come so far."""
MOST_OF_A_MESSAGE = 1 << 20
"""Bytes of a websocket message that are taken into memory. Streamlit takes 200 MB; a picture of the live view has half
a megabyte, and pages send less (web/streamlit_protocol.py)."""
WAITING = 128
"""Connections that wait to be taken in; of so many at once Python logs that it can't, where it has no room."""


workers: list[Callable[[float], None]] = []
"""What ends the workers of this process, each called with the seconds that it may take. None may wait for a start."""


def prepare_server() -> uvicorn.Server | None:
    """Make the uvicorn server of this process end in time, bound what it takes in at once, and hide its name.

    Return it, None where none was started.

    To be called before anything else is loaded or opened. Streamlit starts uvicorn without a limit, and then three
    things hold it: a start that takes long, such as a migration; a request whose body never comes; and a connection
    that was taken in during the very step in which the others were closed. Over that one, Streamlit's page asks every
    few seconds whether the server is back, and so it never idles.
    """
    # uvicorn hands its server to nobody, but its handler of the signal is one of the server's methods.
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if not isinstance(server, uvicorn.Server):
        return None
    if server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = OPEN_WITHIN_S
    server.config.ws_max_size = MOST_OF_A_MESSAGE
    server.config.backlog = WAITING
    server.config.encoded_headers = [header for header in server.config.encoded_headers if header[0] != b"server"]
    requests_to_end.on_request(partial(_end, server))
    return server


def _end(server: uvicorn.Server) -> None:
    """End the workers and this process, which until then answers what is open; before it serves, it ends at once."""
    requests_to_end.cut_off_after(CUT_OFF_S)
    begun = time.monotonic()
    for stop in workers:
        stop(WORKER_WITHIN_S)
    if server.started:
        time.sleep(max(0.0, begun + END_WITHIN_S - time.monotonic()))
    os._exit(0)
