"""A disk that takes a minute to make anything safe, from the moment when the file of `TEST_SLOW_DISK` is there."""

import os
import time
from pathlib import Path

_fsync = os.fsync


def slow(descriptor):
    """Wait, and then do it."""
    slow_since = os.environ.get("TEST_SLOW_DISK")
    if slow_since and Path(slow_since).exists():
        time.sleep(60)
    _fsync(descriptor)


os.fsync = slow
