"""macOS's own sandbox: no files, no network, no other program, for as long as the process lives.

Source: sandbox_init(3) of macOS. Apple calls it deprecated; it is enforced all the same.
"""

from __future__ import annotations

import ctypes
import sys

_PROFILE = b"""(version 1)
(allow default)
(deny file-read* file-write* network* process-exec process-fork signal mach-lookup)
"""


def shut() -> bool:
    """Take these rights from the process; return whether the system did."""
    if sys.platform != "darwin":
        return False
    try:
        library = ctypes.CDLL("/usr/lib/libSystem.B.dylib")
        error = ctypes.c_char_p()
        return bool(library.sandbox_init(_PROFILE, ctypes.c_uint64(0), ctypes.byref(error)) == 0)
    except (OSError, AttributeError):
        return False
