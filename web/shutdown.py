"""How the web server ends: within seconds of being asked to, whatever its windows are at; and what it keeps quiet."""

from __future__ import annotations

import signal

import uvicorn

END_WITHIN_S = 5
"""What is answered by then is answered; an upload goes on from its last piece when the server is back."""


def prepare_server() -> None:
    """Let the uvicorn server of this process wait `END_WITHIN_S` for open connections, and not say its name.

    To be called once it runs. Streamlit starts uvicorn without such a limit, and then two things hold it: a request
    whose body never comes, and a connection that was taken in during the very step in which the others were told to
    close. Over that one, Streamlit's page asks every few seconds whether the server is back, and so it never idles.
    """
    # uvicorn hands its server to nobody, but its handler of the signal is one of the server's methods.
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if not isinstance(server, uvicorn.Server):
        return
    if server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = END_WITHIN_S
    server.config.encoded_headers = [header for header in server.config.encoded_headers if header[0] != b"server"]
