"""Starts the processes that read files: it has loaded what they need, and each is a copy of it in some milliseconds.

It never reads a byte from outside. It ends when the process that started it does, and so do its copies.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
from pathlib import Path

from fer_core.decoder import child
from fer_core.decoder.lock import die_with_parent
from fer_core.decoder.warm import warm_up
from fer_core.media.ring import Ring

START, END = b"S", b"E"
_REQUEST, _REPLY = struct.Struct(">cI"), struct.Struct(">i")
_MOST_FDS = 2
"""A socket, and the memory through which frames go."""


def main(control: int) -> None:
    """Start and end processes as the socket with this descriptor asks, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warm_up()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("a process with several threads can't be copied safely")
    gc.freeze()
    with socket.socket(fileno=control) as asked:
        while True:
            request, descriptors, _, _ = socket.recv_fds(asked, _REQUEST.size, _MOST_FDS)
            if len(request) < _REQUEST.size:
                return
            kind, number = _REQUEST.unpack(request)
            found = _started(descriptors, number) if kind == START else _ended(number)
            asked.send(_REPLY.pack(found))


def _started(descriptors: list[int], cpu_s: int) -> int:
    """Start a process that answers on this socket, and return its id."""
    me = os.getpid()
    process = os.fork()
    if process == 0:
        die_with_parent(me)
        ring = Ring(descriptors[1]) if len(descriptors) > 1 else None
        # The one descriptor that is left is number 0.
        os.dup2(descriptors[0], 0)
        os.closerange(1, os.sysconf("SC_OPEN_MAX"))
        child.serve(socket.socket(fileno=0), cpu_s, ring)
    for one in descriptors:
        os.close(one)
    return process


def _ended(process: int) -> int:
    """End a process where it hasn't ended by itself, and return its exit code, or less than 0: the signal."""
    os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
