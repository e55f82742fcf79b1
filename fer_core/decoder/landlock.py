"""Landlock: this process opens no file, connects to no port and signals nobody, for as long as it lives.

Source: Linux's Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
_FILES_FROM = {1: 12, 2: 13, 3: 14, 5: 15}
"""The highest right to files that each version of the interface knows."""
_NETWORK_FROM, _NETWORK = 4, 0b11
_SCOPED_FROM, _SCOPED = 6, 0b11


def shut() -> int:
    """Take every right that Landlock knows from this thread; return the interface's version, 0 where there is none.

    No new privileges must have been given up before (PR_SET_NO_NEW_PRIVS).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = int(libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION))
    if version < 1:
        return 0
    highest = max(bit for since, bit in _FILES_FROM.items() if since <= version)
    rights = [(1 << (highest + 1)) - 1]
    if version >= _NETWORK_FROM:
        rights.append(_NETWORK)
    if version >= _SCOPED_FROM:
        rights.append(_SCOPED)
    packed = (ctypes.c_uint64 * len(rights))(*rights)
    ruleset = int(libc.syscall(_CREATE_RULESET, packed, ctypes.c_size_t(ctypes.sizeof(packed)), 0))
    if ruleset < 0:
        return 0
    # No rule is added: nothing is allowed.
    shut_now = libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return version if shut_now else 0
