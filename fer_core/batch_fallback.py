"""Fallback for a device's memory: if it doesn't suffice, half as much is processed at once, and finally by the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from fer_core.errors import ModelError

T = TypeVar("T")


@dataclass(slots=True)
class BatchFallback:
    """How much is worked on at once on a device; less from each time on that its memory did not suffice.

    `to_cpu` moves what works to the CPU.
    """

    device: torch.device
    batch: int
    to_cpu: Callable[[], None]

    def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, which reads `device` and `batch` again at each try.

        Raises ModelError ``out_of_memory`` where not even the CPU has room for one at a time.
        """
        while True:
            try:
                return work()
            except torch.OutOfMemoryError:
                pass
            # Outside the handler: what the failed try held in memory is let go by now.
            self._make_room()

    def _make_room(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.batch > 1:
            self.batch //= 2
        elif self.device.type != "cpu":
            self.device = torch.device("cpu")
            self.to_cpu()
        else:
            raise ModelError(
                "There is too little memory for the analysis. Please close other programs and try again.",
                "out_of_memory",
            )
