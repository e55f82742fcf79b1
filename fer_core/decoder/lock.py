"""What a process gives up before it reads the first byte from outside, as far as the system knows how."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

from fer_core.decoder import landlock, seatbelt, seccomp
from fer_core.media.protection import Protection

MEMORY_BYTES = 4 * 1024**3
"""On top of what the process maps when it begins: an 8K video holds some 40 pictures of 50 MB at once."""
MOST_THREADS = 16_384
"""Of all processes of this account together, so that code in a file can't take every place that the computer has for
threads. The system doesn't hold the superuser to it."""
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


def give_up_rights(cpu_s: int) -> Protection:
    """Permanently take every right and most resources from this process; `cpu_s`: processor time it may use, in s."""
    if sys.platform != "linux":
        limited = _limit(cpu_s)
        return Protection(limits=limited, seatbelt=seatbelt.shut())
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    limited = _limit(cpu_s)
    # Landlock and seccomp may be taken up by anybody who has given this up.
    no_new_rights = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    version = landlock.shut() if no_new_rights else 0
    _set_limit("RLIMIT_NOFILE", 1)
    return Protection(limits=limited, landlock=version, seccomp=no_new_rights and seccomp.shut())


def die_with_parent(parent: int) -> None:
    """Let this process end when `parent` does, where the system knows how."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _limit(cpu_s: int) -> bool:
    """Limit memory, threads, processor time, and files; return whether the system knows how."""
    # Soft and hard alike: SIGXCPU could be ignored.
    known = _set_limit("RLIMIT_CPU", cpu_s)
    _set_limit("RLIMIT_AS", _mapped_bytes() + MEMORY_BYTES)
    _set_limit("RLIMIT_NPROC", MOST_THREADS)
    for name in ("RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_MSGQUEUE", "RLIMIT_MEMLOCK"):
        _set_limit(name, 0)
    return known


def _set_limit(name: str, value: int) -> bool:
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        resource.setrlimit(getattr(resource, name), (value, value))
        return True
    return False


def _mapped_bytes() -> int:
    """Return the address space of this process, 0 where the system doesn't tell."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 0
