"""The times of a video's pictures: from its first one on, forward, also where recordings were joined as files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from av.video.frame import VideoFrame

from fer_core.media.passage import DecodeStats

LEAP_BACK_S = 1.0
"""A picture's time so far back or more comes from a clock that restarted; less is a picture out of order."""
LEAP_AHEAD_S = 3600.0
"""The same ahead, in a file whose clock may begin anywhere; less is a pause in the recording."""
GOES_ON_S = 10.0
"""A restarted clock is believed if the next picture follows within so many seconds."""
FIRST_STEP_S = 0.04


@dataclass(slots=True)
class Clock:
    """Where the times of a video stand: the stream's own time of its beginning, the newest time, the last step.

    `leaps_ahead`: whether the file's clock may restart later than it was, as that of a transport stream.
    """

    start_s: float | None = None
    end_s: float | None = None
    leaps_ahead: bool = False
    step_s: float = FIRST_STEP_S

    def leaps(self, at_s: float) -> bool:
        """Return whether this time of the stream is one of another clock than the pictures' before."""
        if self.start_s is None or self.end_s is None:
            return False
        ahead_s = at_s - self.start_s - self.end_s
        return ahead_s < -LEAP_BACK_S or (self.leaps_ahead and ahead_s > LEAP_AHEAD_S)

    def restart(self, at_s: float) -> None:
        """Go on with a clock that shows `at_s` one step after the last picture."""
        self.start_s = at_s - (self.end_s or 0.0) - self.step_s

    def take(self, at_s: float) -> float | None:
        """Return the time of a picture in the video; None where it does not go forward."""
        self.start_s = at_s if self.start_s is None else self.start_s
        time_s = at_s - self.start_s
        if not math.isfinite(time_s) or time_s < 0 or (self.end_s is not None and time_s <= self.end_s):
            return None
        if self.end_s is not None:
            self.step_s = time_s - self.end_s
        self.end_s = time_s
        return time_s


def timed(
    numbered: Iterator[tuple[int, VideoFrame]], clock: Clock, stats: DecodeStats
) -> Iterator[tuple[int, VideoFrame, float]]:
    """Yield (number, frame, time in s from the first one) as time goes forward; others are counted as skipped."""
    doubtful: tuple[int, VideoFrame, float] | None = None
    for number, frame in numbered:
        if frame.pts is None or frame.time_base is None:
            stats.skipped += 1
            continue
        at_s = float(frame.pts * frame.time_base)
        if doubtful is not None:
            if clock.leaps(at_s) and 0 < at_s - doubtful[2] <= GOES_ON_S:
                clock.restart(doubtful[2])
                yield from _taken(*doubtful, clock, stats)
            else:
                stats.skipped += 1
            doubtful = None
        if clock.leaps(at_s):
            doubtful = number, frame, at_s
            continue
        yield from _taken(number, frame, at_s, clock, stats)
    stats.skipped += doubtful is not None


def _taken(
    number: int, frame: VideoFrame, at_s: float, clock: Clock, stats: DecodeStats
) -> Iterator[tuple[int, VideoFrame, float]]:
    time_s = clock.take(at_s)
    if time_s is None:
        stats.skipped += 1
    else:
        yield number, frame, time_s
