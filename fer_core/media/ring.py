"""Memory that a decoding process shares with its caller: frames go through it without being sent.

It is sealed at its size: cut shorter by one side, it would end the other with SIGBUS. What lies in it is pixels alone,
and is copied before it is looked at.
"""

from __future__ import annotations

import mmap
import os
import sys

import numpy as np

from fer_core.types import RGB

SLOTS = 3
"""One is written while another is read, and one waits."""


def shareable() -> bool:
    """Return whether the system has memory that can be sealed."""
    return sys.platform == "linux" and hasattr(os, "memfd_create")


def sealed_memory(slot_bytes: int) -> int:
    """Return the descriptor of new memory for `SLOTS` pictures of up to so many bytes. Raises OSError."""
    import fcntl

    descriptor = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, SLOTS * slot_bytes)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor


class Ring:
    """The memory behind a descriptor, in slots of equal size."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        self.slot_bytes = len(self._memory) // SLOTS

    def put(self, slot: int, rgb: RGB) -> None:
        """Write a picture into a slot that it fits into."""
        self._view(slot, rgb.shape[0], rgb.shape[1])[:] = rgb

    def take(self, slot: int, height: int, width: int) -> RGB:
        """Return a copy of the picture in a slot. Raises ValueError for what is no slot, or too large for one."""
        if not 0 <= slot < SLOTS or height < 1 or width < 1 or 3 * height * width > self.slot_bytes:
            raise ValueError("not in the shared memory")
        return self._view(slot, height, width).copy()

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()

    def _view(self, slot: int, height: int, width: int) -> RGB:
        return np.frombuffer(self._memory, np.uint8, 3 * height * width, slot * self.slot_bytes).reshape(
            height, width, 3
        )
