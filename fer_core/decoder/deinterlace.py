"""Interlaced video, as camcorders and disc recorders make it: two half pictures in one frame, made whole again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from av.error import BlockingIOError as NotYetError
from av.error import EOFError as NoMoreError
from av.filter import Graph
from av.video.frame import VideoFrame


def progressive(decoded: Iterable[tuple[int, VideoFrame]]) -> Iterator[tuple[int, VideoFrame]]:
    """Yield (number, frame) with interlaced frames made whole; others pass untouched, and times stay theirs.

    Source: FFmpeg's filter bwdif.
    """
    lines: _Deinterlacer | None = None
    for number, frame in decoded:
        if lines is not None and not lines.fits(frame):
            yield from lines.rest()
            lines = None
        if lines is None and frame.interlaced_frame:
            lines = _Deinterlacer(frame)
        if lines is None:
            yield number, frame
        else:
            yield from lines.take(number, frame)
    if lines is not None:
        yield from lines.rest()


class _Deinterlacer:
    """A filter for frames of one size; it holds one frame back, because it looks at its neighbours."""

    def __init__(self, frame: VideoFrame) -> None:
        self._form = _form(frame)
        self._numbers: deque[int] = deque()
        self._graph = Graph()
        self._graph.link_nodes(
            self._graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            ),
            self._graph.add("bwdif", "mode=send_frame:deint=interlaced"),
            self._graph.add("buffersink"),
        ).configure()

    def fits(self, frame: VideoFrame) -> bool:
        """Return whether the filter was made for frames like this one."""
        return _form(frame) == self._form

    def take(self, number: int, frame: VideoFrame) -> Iterator[tuple[int, VideoFrame]]:
        """Give a frame to the filter and yield what is ready."""
        self._numbers.append(number)
        self._graph.push(frame)
        yield from self._ready()

    def rest(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yield what was held back."""
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[tuple[int, VideoFrame]]:
        while True:
            try:
                frame = self._graph.pull()
            except (NotYetError, NoMoreError):
                return
            if isinstance(frame, VideoFrame):
                yield self._numbers.popleft(), frame


def _form(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
