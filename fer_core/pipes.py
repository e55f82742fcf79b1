"""Output that is closed before its end, as `| head` does."""

from __future__ import annotations

import os
import select
import sys

CLOSED_EARLY = 141
"""The exit code that a shell gives to a command whose reader has gone: 128 + SIGPIPE."""


def end_quietly(error: BrokenPipeError) -> int:
    """Return `CLOSED_EARLY` where standard output was closed; nothing more is written to it then.

    Raises `error` where it is of another pipe.
    """
    output = sys.stdout.fileno()
    asked = select.poll()
    asked.register(output, select.POLLOUT)
    if not any(state & (select.POLLERR | select.POLLHUP) for _, state in asked.poll(0)):
        raise error
    # At its end the process would try to write the rest once more.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output)
    os.close(nowhere)
    return CLOSED_EARLY
