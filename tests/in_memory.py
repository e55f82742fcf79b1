"""Temporary files of the tests lie in memory: a test makes dozens of files safe, each of which takes a disk a while.

A test that needs a disk's own behaviour gives itself one (`tests/e2e/slow_disk`).
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
LEAST_FREE = 4 * 1024**3
"""Bytes. Linux gives this file system half of the memory at most, and a container 64 MB."""


def keep_temporary_files_in_memory():
    """Let this process and its children make temporary files there, unless TMPDIR says where or there is no room."""
    if "TMPDIR" in os.environ or not _fits():
        return
    folder = MEMORY / f"tests-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        return
    # As the system's own: PostgreSQL's server, which runs under another account, removes its folder from here.
    folder.chmod(0o1777)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


def _fits():
    """Whether there is room, and programs may be started from there."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return False
    return shutil.disk_usage(MEMORY).free >= LEAST_FREE and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
