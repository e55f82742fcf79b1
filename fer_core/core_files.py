"""No copy of the memory on the disk when a process crashes: pictures and names would lie there in clear."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def leave_none() -> None:
    """Let this process and those that it starts leave no core file, and no other process read its memory."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # not on every system

        # Soft and hard alike, so that what is loaded later can't raise it again.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # The limit alone doesn't hold where the system hands a core over to a program, as most distributions do.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def may_leave(pid: int | None = None) -> bool | None:
    """Return whether a process, or this one, may leave a core file; None where the system doesn't say."""
    if pid is not None:
        return _limit_of(pid)
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0:
        return False
    with suppress(ImportError):
        import resource  # not on every system

        return resource.getrlimit(resource.RLIMIT_CORE)[0] != 0
    return None


def _limit_of(pid: int) -> bool | None:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
            if line.startswith("Max core file size"):
                return line.split()[4] != "0"
    return None
