"""Videos: every decodable frame with the stream's own time, upright, and a count of what could not be read."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer_core.errors import FerError, media_error
from fer_core.media.container import WHOLE, DecodeStats, Span, decode, duration_s, opened_video
from fer_core.media.deinterlace import progressive
from fer_core.media.shots import Luma, Shots
from fer_core.media.source import Source
from fer_core.types import RGB, Frame, Position, VideoInfo

PARTIAL_BELOW = 0.98
"""A video that ends before this share of the length that its header promises was cut off."""
SEEK_BEFORE_S = (1.0, 15.0)
"""How far before the place to go on from a key frame is looked for: the nearest one may lead to other pictures."""
PLAYED = (
    ("mp4", ("h264", "hevc", "av1", "vp9"), "video/mp4"),
    ("webm", ("vp8", "vp9", "av1"), "video/webm"),
    ("matroska", ("h264",), "video/x-matroska"),
)
"""Families of containers with the codecs that browsers play in them, and what they call it."""
LAST_FRAME_S = 0.5
"""The last frame begins before the end: so much is allowed on top."""
GRID_TOLERANCE_S = 5e-7
"""0.2 s is not exact in a stream's time base."""


def probe(source: Source) -> VideoInfo:
    """Return what a video says of itself. Raises MediaError as `frames` does."""
    with opened_video(source) as (container, stream):
        first = _first_frame(container, stream)
        width, height = first.width, first.height
        if _quarter_turns(first) % 2:
            width, height = height, width
        rate = stream.average_rate
        codec = stream.codec_context.name
        mean_fps = float(rate) if rate else None
        start_s = float(first.pts * first.time_base) if first.pts is not None and first.time_base is not None else 0.0
        length_s = duration_s(container, stream, start_s)
        played_as = _media_type(container.format.name, stream.codec_context.codec.canonical_name)
        return VideoInfo(width, height, length_s, mean_fps, codec, played_as)


def _media_type(container: str, codec: str) -> str | None:
    """Return as what browsers play a video, None where no common one does; some play only a part of these."""
    for family, codecs, media_type in PLAYED:
        if family in container.split(",") and codec in codecs:
            return media_type
    return None


class BookmarkError(FerError):
    """A video in which the place to go on from is not found again: the pass has to begin anew."""

    code = "bookmark_lost"


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A frame that was read, from which a later pass goes on; `crc32` of its picture proves that it is the same.

    `shots`: what a cut after it is told by.
    """

    position: Position
    crc32: int
    shots: Shots

    @classmethod
    def at(cls, frame: Frame) -> Bookmark:
        """Return the bookmark of a frame that `frames` gave. Raises ValueError for one from elsewhere."""
        if frame.position is None or frame.shots is None:
            raise ValueError("only a frame of a video has a place in it")
        return cls(frame.position, _crc32(frame.rgb), frame.shots)


def frames(
    source: Source,
    every_s: float = 0.2,
    max_side_px: int | None = None,
    stats: DecodeStats | None = None,
    after: Bookmark | None = None,
    span: Span = WHOLE,
) -> Iterator[Frame]:
    """Yield frames of a video in the order of their times, one pass forward.

    `every_s`: seconds between samples, 0 for every frame; the first frame is taken, then the first one at or after
    each point of the grid. `max_side_px`: frames are made smaller until their longer side has it; `Frame.scale` says
    by how much. `stats` is filled on the way. `after`: a frame of an earlier pass with the same settings; what is given
    then is what that pass would have given after it. `span`: the part to be read; numbers count from its beginning,
    times from that of the video, and its first frame is taken in any case (see `due`).

    Raises MediaError ``empty``, ``unknown_type``, ``not_a_video``, ``no_video_stream``, ``incomplete_file``,
    ``too_large`` or ``damaged_video``.
    """
    stats = stats if stats is not None else DecodeStats()
    with opened_video(source, every_s) as (container, stream):
        start_s, wanted = span.start_s, 0
        luma, cut = Luma(), False
        if after is not None:
            numbered = _decoded_after(source, every_s, stats, after, max_side_px, span)
            start_s = after.position.start_s
            wanted = _next_wanted(after.position.time_s, every_s)
            stats.shots = after.shots
        else:
            if span.begin_pts is not None:
                container.seek(span.begin_pts, stream=stream)
            numbered = progressive(decode(container, stream, stats, span))
        for index, decoded in numbered:
            if decoded.pts is None or decoded.time_base is None:
                stats.skipped += 1
                continue
            at_s = float(decoded.pts * decoded.time_base)
            start_s = at_s if start_s is None else start_s
            time_s = at_s - start_s
            if not math.isfinite(time_s) or time_s < 0 or (stats.decoded and time_s <= stats.end_s):
                stats.skipped += 1
                continue
            stats.decoded += 1
            stats.end_s = time_s
            stats.shots, began = stats.shots.after(luma.of(decoded))
            cut = cut or began
            if every_s and time_s < wanted * every_s - GRID_TOLERANCE_S:
                continue
            wanted = _next_wanted(time_s, every_s)
            rgb, scale = _upright(decoded, max_side_px)
            met = Position(index, time_s, start_s, stats.decoded, stats.damaged, stats.skipped)
            yield Frame(index, time_s, rgb, scale, met, cut, stats.shots)
            cut = False
        if span.end_pts is not None:
            return
        if not stats.decoded and span.begin_pts is None:
            raise media_error("damaged_video")
        told_s = duration_s(container, stream, start_s or 0.0)
        stats.partial = told_s is not None and stats.end_s < PARTIAL_BELOW * told_s - LAST_FRAME_S


def _next_wanted(time_s: float, every_s: float) -> int:
    """Return the number of the first point of the sampling grid after a time; 0 without a grid."""
    return math.floor(time_s / every_s + 1e-6) + 1 if every_s else 0


def due(time_s: float, before_s: float, every_s: float) -> bool:
    """Return whether a frame is to be sampled where the last sample before it is that of `before_s`."""
    return not every_s or time_s >= _next_wanted(before_s, every_s) * every_s - GRID_TOLERANCE_S


@contextmanager
def _sought(
    source: Source, every_s: float, after: Bookmark, before_s: float
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video at a key frame about `before_s` seconds before the mark, or at its beginning."""
    with opened_video(source, every_s) as (container, stream):
        to_s = after.position.start_s + after.position.time_s - before_s
        if stream.time_base is not None and to_s > after.position.start_s:
            # A demuxer that can't seek leaves the place where it was, or loses it: the picture at the mark tells.
            with suppress(av.error.FFmpegError):
                container.seek(round(to_s / stream.time_base), stream=stream)
        yield container, stream


def _decoded_after(
    source: Source, every_s: float, stats: DecodeStats, after: Bookmark, max_side_px: int | None, span: Span
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield what `decode` yields after the marked frame; as little as gives the same picture there is decoded before.

    Raises BookmarkError where not even decoding from the beginning leads to that picture.
    """
    for before_s in (*SEEK_BEFORE_S, math.inf):
        with _sought(source, every_s, after, before_s) as (container, stream):
            numbered = progressive(decode(container, stream, stats, span))
            number = _number_at(numbered, after, max_side_px)
            if number is None:
                continue
            met, offset = after.position, after.position.index - number
            stats.decoded, stats.end_s, stats.damaged, stats.skipped = met.decoded, met.time_s, met.damaged, met.skipped
            yield from ((offset + number, frame) for number, frame in numbered)
            stats.numbered += offset
            return
    raise BookmarkError("The place to go on from is not found in the video.")


def _number_at(numbered: Iterator[tuple[int, VideoFrame]], after: Bookmark, max_side_px: int | None) -> int | None:
    """Go forward to the marked frame and return its number in this pass; None where it is missing or another."""
    for number, frame in numbered:
        if frame.pts is None or frame.time_base is None:
            continue
        time_s = float(frame.pts * frame.time_base) - after.position.start_s
        if time_s >= after.position.time_s:
            same = time_s == after.position.time_s and _crc32(_upright(frame, max_side_px)[0]) == after.crc32
            return number if same else None
    return None


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for _, frame in decode(container, stream, DecodeStats()):
        return frame
    raise media_error("damaged_video")


def _upright(frame: VideoFrame, max_side_px: int | None) -> tuple[RGB, float]:
    """Return the frame as RGB, turned by the display matrix and made smaller, and px of it per px of the original."""
    longest = max(frame.width, frame.height)
    scale = min(1.0, max_side_px / longest) if max_side_px else 1.0
    size: dict[str, Any] = {}
    if scale < 1.0:
        size = {"width": max(2, round(frame.width * scale)), "height": max(2, round(frame.height * scale))}
    rgb: RGB = np.asarray(frame.reformat(format="rgb24", **size).to_ndarray(), np.uint8)
    turns = _quarter_turns(frame)
    return (np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb), scale


def _crc32(rgb: RGB) -> int:
    return zlib.crc32(np.ascontiguousarray(rgb).data)


def _quarter_turns(frame: VideoFrame) -> int:
    """Return by how many quarter turns against the clock the frame has to be turned to stand upright."""
    return round(frame.rotation / 90) % 4
