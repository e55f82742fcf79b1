"""The input and output of a pass over a video: its part of the video, the place to resume from, its counts."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field

import numpy as np

from fer_core.errors import FerError
from fer_core.media.shots import Shots
from fer_core.types import RGB, Frame, Position

PLAYED = (
    ("mp4", ("h264", "hevc", "av1", "vp9"), "video/mp4"),
    ("webm", ("vp8", "vp9", "av1"), "video/webm"),
    ("matroska", ("h264",), "video/x-matroska"),
)
"""Families of containers with the codecs that browsers play in them, and what they call it."""
MEDIA_TYPES = tuple(media_type for _, _, media_type in PLAYED)
LONGEST_CREATED = 40
"""Characters of the time at which a container says that it was made."""
GRID_TOLERANCE_S = 5e-7
"""0.2 s is not exact in a stream's time base."""


@dataclass(slots=True)
class DecodeStats:
    """What a pass over a video met: `damaged` packets or frames, and `skipped` ones.

    Those are frames whose time does not go forward, and such as need a frame from before the file's beginning.
    `numbered`: frames that have a number, damaged ones too. `end_s`: time of the last frame. `partial`: the video ends
    before its header says so. `shots`: what is needed to detect a cut after the last frame.
    """

    decoded: int = 0
    damaged: int = 0
    skipped: int = 0
    numbered: int = 0
    end_s: float = 0.0
    partial: bool = False
    shots: Shots = field(default_factory=Shots)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a video from one key frame to another, by their times in the stream's own units; None: an end of it.

    `start_s`: the time of the video's first frame in the stream, which times count from; None where it begins there.
    """

    begin_pts: int | None = None
    end_pts: int | None = None
    start_s: float | None = None

    def holds(self, pts: int | None) -> bool:
        """Return whether a frame of this time belongs here; what has no time does."""
        return pts is None or not (self._before(pts) or self.ended(pts))

    def ended(self, pts: int | None) -> bool:
        """Return whether a frame of this time comes after the span."""
        return pts is not None and self.end_pts is not None and pts >= self.end_pts

    def _before(self, pts: int) -> bool:
        return self.begin_pts is not None and pts < self.begin_pts


WHOLE = Span()


class BookmarkError(FerError):
    """A video in which the place to resume from is not found: the pass has to start again."""

    code = "bookmark_lost"


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A frame that was read, from which a later pass goes on; `crc32` of its picture proves that it is the same.

    `shots`: what is needed to detect a cut after it.
    """

    position: Position
    crc32: int
    shots: Shots

    @classmethod
    def at(cls, frame: Frame) -> Bookmark:
        """Return the bookmark of a frame that `frames` gave. Raises ValueError for one from elsewhere."""
        if frame.position is None or frame.shots is None:
            raise ValueError("only a frame of a video has a place in it")
        return cls(frame.position, crc32(frame.rgb), frame.shots)


def next_wanted(time_s: float, every_s: float) -> int:
    """Return the number of the first point of the sampling grid after a time; 0 without a grid."""
    return math.floor(time_s / every_s + 1e-6) + 1 if every_s else 0


def due(time_s: float, before_s: float, every_s: float) -> bool:
    """Return whether a frame is to be sampled where the last sample before it is that of `before_s`."""
    return not every_s or time_s >= next_wanted(before_s, every_s) * every_s - GRID_TOLERANCE_S


def crc32(rgb: RGB) -> int:
    """Return the checksum of a picture."""
    return zlib.crc32(np.ascontiguousarray(rgb).data)
