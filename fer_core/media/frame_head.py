"""The header before a frame's pixels, as the decoding process sends them."""

from __future__ import annotations

from dataclasses import dataclass

from fer_core.media.passage import DecodeStats
from fer_core.types import Position


@dataclass(frozen=True, slots=True)
class FrameHead:
    """A `Frame` without its pixels, of which there are `height` x `width`, and the pass's counts up to it.

    `slot`: where in the shared memory they lie; None: they come after this.
    """

    height: int
    width: int
    scale: float
    position: Position
    cut: bool
    stats: DecodeStats
    slot: int | None = None
