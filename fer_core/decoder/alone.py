"""The process that reads a file, started by itself: for systems on which it is no copy of a prepared one."""

from __future__ import annotations

import socket
import sys

from fer_core.decoder import child
from fer_core.decoder.warm import warm_up


def main(link: int | None, cpu_s: int) -> None:
    """Answer one question on the socket with this descriptor; None: on the one that comes by standard input."""
    warm_up()
    if link is None:
        fromshare = getattr(socket, "fromshare")  # noqa: B009 only Windows has it
        child.serve(fromshare(sys.stdin.buffer.read()), cpu_s)
    else:
        child.serve(socket.socket(fileno=link), cpu_s)
