"""What of a video gave no picture, so that nothing is lost without being counted."""

from __future__ import annotations

from collections import Counter

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer_core.media.passage import DecodeStats, Span

ALWAYS_SHOWN = ("av1",)
"""Codecs whose every packet shows a picture; their decoder leaves out what it can't read without an error."""
MOST_ERRORS = 10_000
"""A file that can't go on repeats its error for ever."""


class Tally:
    """Counts the damaged pictures of a pass: the packets that gave none, once there was an error.

    Errors alone don't tell how many they are: where a key frame is damaged there is one, and the decoder keeps back all
    that lean on it. In a stream where packets give no picture without any error (half pictures, pictures that are only
    kept to lean on) the errors are all that can be counted.
    """

    def __init__(self, stats: DecodeStats, span: Span, *, always_shown: bool) -> None:
        self._stats, self._span = stats, span
        self._waiting: Counter[int] = Counter()
        self._given_up: Counter[int] = Counter()
        self._leaning: Counter[int] = Counter()
        self._errors = self._of_file = 0
        self._proof = always_shown
        self._each_shows = True
        self._begun = span.begin_pts is not None
        self._last_pts: int | None = None
        self._forward = True

    @property
    def lost_from(self) -> int | None:
        """The time of the first picture after the last one that came, in the stream's units; None where none is
        missing, or where the stream's clock went back."""
        later = [pts for pts in self._waiting if self.is_new(pts)]
        return min(later) if later and self._forward else None

    def is_new(self, pts: int) -> bool:
        """Return whether a picture of this time comes after all that came."""
        return self._last_pts is None or pts > self._last_pts

    def sent(self, packet: Packet[VideoStream], *, whole: bool) -> None:
        """Take a packet that the decoder has got; `whole`: whether it decodes all, unneeded pictures too."""
        if packet.size and packet.pts is None:
            self.count_errors()
        elif packet.size and packet.pts is not None and not packet.is_discard and whole:
            self._waiting[packet.pts] += self._span.holds(packet.pts)

    def count_errors(self) -> None:
        """Count errors from now on: this stream's packets don't give a picture each, in the order of their times."""
        self._each_shows = False
        self._damaged(self._errors)
        self._errors = 0

    def failed(self, packet: Packet[VideoStream] | None, *, whole: bool = True) -> bool:
        """Take an error with a packet, or of the file where there is none; return whether to go on."""
        if packet is None:
            self._of_file += 1
            self._damaged(1)
        elif self._each_shows and whole:
            self._errors += 1
            self._proof = True
        elif self._span.holds(packet.pts):
            self._damaged(1)
        return self._of_file <= MOST_ERRORS

    def came(self, frame: VideoFrame) -> None:
        """Take a picture; what should have come before it is lost."""
        if frame.pts is None:
            return
        self._forward = self._forward and self.is_new(frame.pts)
        lost = self._taken_before(frame.pts)
        self._waiting -= Counter((frame.pts,))
        if not self._begun:
            # The decoder says nothing of those that lean on a picture from before the file's beginning.
            leaning = max(0, lost.total() - self._errors)
            self._stats.skipped += leaning
            self._leaning = Counter(list(lost.elements())[:leaning])
            lost = Counter(list(lost.elements())[leaning:])
        self._begun, self._last_pts = True, frame.pts
        self._lost(lost)
        if self._leaning[frame.pts]:
            # It leans on nothing, its time only goes back: the clock leaves it out, and counts it.
            self._leaning -= Counter((frame.pts,))
            self._stats.skipped -= 1
        if self._given_up[frame.pts]:
            # Out of its order behind a damage: the clock leaves it out, and counts it.
            self._given_up -= Counter((frame.pts,))
            self._damaged(-1)

    def end(self) -> None:
        """Count what has not come until the end of the span."""
        self._lost(self._waiting)
        self._waiting = Counter()

    def _taken_before(self, pts: int) -> Counter[int]:
        gone = Counter({one: count for one, count in self._waiting.items() if one < pts})
        self._waiting -= gone
        return gone

    def _lost(self, pictures: Counter[int]) -> None:
        if pictures and self._each_shows and self._proof:
            self._damaged(pictures.total())
            self._given_up += pictures
            self._errors = 0
        elif pictures and self._each_shows:
            self.count_errors()

    def _damaged(self, count: int) -> None:
        self._stats.damaged += count
        self._stats.numbered += count
