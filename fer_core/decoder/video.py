"""Videos: every decodable frame with the stream's own time, upright, and a count of what could not be read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer_core.decoder.clock import Clock, timed
from fer_core.decoder.container import clock_may_restart, duration_s, opened_video
from fer_core.decoder.decoding import decode
from fer_core.decoder.deinterlace import progressive
from fer_core.decoder.luma import Luma
from fer_core.decoder.upright import Canvas, shown_size
from fer_core.errors import MediaError, media_error
from fer_core.media.passage import (
    GRID_TOLERANCE_S,
    PLAYED,
    WHOLE,
    Bookmark,
    BookmarkError,
    DecodeStats,
    Span,
    crc32,
    next_wanted,
)
from fer_core.media.source import Source, size_bytes
from fer_core.types import Frame, Position, VideoInfo

PARTIAL_BELOW = 0.98
"""A video that ends before this share of the length that its header promises was cut off."""
SEEK_BEFORE_S = (1.0, 15.0)
"""How far before the place to go on from a key frame is looked for: the nearest one may lead to other pictures."""
LAST_FRAME_S = 0.5
"""The last frame begins before the end: so much is allowed on top, or the time between frames where that is longer."""
LOOKED_AT = (0.25, 0.5, 0.75, 0.95)
"""Shares of a video's length at which the size of its pictures is looked at."""


def probe(source: Source) -> VideoInfo:
    """Return what a video says of itself. Raises MediaError as `frames` does."""
    with opened_video(source) as (container, stream):
        first = _first_frame(container, stream)
        rate = stream.average_rate
        codec = stream.codec_context.name
        mean_fps = float(rate) if rate else None
        start_s = float(first.pts * first.time_base) if first.pts is not None and first.time_base is not None else 0.0
        length_s = duration_s(container, stream, start_s)
        begins_s = max(0.0, start_s - container.start_time / av.time_base) if container.start_time is not None else 0.0
        played_as = _media_type(container.format.name, stream.codec_context.codec.canonical_name)
        width, height = _largest(container, stream, first, length_s)
        bits = _bits_per_pixel(container, stream, size_bytes(source), length_s, width * height)
        return VideoInfo(width, height, length_s, mean_fps, codec, played_as, begins_s, bits)


def _bits_per_pixel(
    container: InputContainer, stream: VideoStream, file_bytes: int, length_s: float | None, pixels: int
) -> float | None:
    """Return how many bits the file spends on each pixel of its pictures, None where their number isn't known.

    The streams' own figures of that may be a wish or a limit, so that it is the whole file's, less its sound.
    """
    rate = stream.average_rate
    frames = stream.frames or (float(rate) * length_s if rate and length_s else 0.0)
    sound = sum(one.codec_context.bit_rate or 0 for one in container.streams.audio if one.codec_context is not None)
    bits = 8 * file_bytes - sound * (length_s or 0.0)
    return bits / (frames * pixels) if frames >= 1 and bits > 0 else None


def _largest(
    container: InputContainer, stream: VideoStream, first: VideoFrame, length_s: float | None
) -> tuple[int, int]:
    """Return the largest upright size in px of the first frame and of some on the way: a call may change it."""
    aspect, base = stream.sample_aspect_ratio, stream.time_base
    sizes = [shown_size(first, aspect)]
    for share in LOOKED_AT:
        if not length_s or first.pts is None or base is None:
            break
        with suppress(av.error.FFmpegError, MediaError):
            container.seek(first.pts + round(share * length_s / base), stream=stream)
            sizes.append(shown_size(_first_frame(container, stream), aspect))
    return max(sizes, key=lambda size: size[0] * size[1])


def _media_type(container: str, codec: str) -> str | None:
    """Return as what browsers play a video, None where no common one does; some play only a part of these."""
    for family, codecs, media_type in PLAYED:
        if family in container.split(",") and codec in codecs:
            return media_type
    return None


def frames(
    source: Source,
    every_s: float = 0.2,
    max_side_px: int | None = None,
    stats: DecodeStats | None = None,
    after: Bookmark | None = None,
    span: Span = WHOLE,
    info: VideoInfo | None = None,
) -> Iterator[Frame]:
    """Yield frames of a video in the order of their times; arguments are those of `fer_core.media.video.frames`.

    Raises MediaError as `fer_core.decoder.container.opened_video` does.
    """
    stats = stats if stats is not None else DecodeStats()
    info = info if info is not None else probe(source)
    with opened_video(source) as (container, stream):
        canvas = Canvas(info.width_px, info.height_px, stream.sample_aspect_ratio, max_side_px)
        clock, wanted = Clock(span.start_s, leaps_ahead=clock_may_restart(container)), 0
        luma, cut = Luma(), False
        if after is not None:
            pictures = _pictures_after(source, every_s, stats, after, canvas, span, clock)
            wanted = next_wanted(after.position.time_s, every_s)
            stats.shots = after.shots
        else:
            if span.begin_pts is not None:
                container.seek(span.begin_pts, stream=stream)
            pictures = timed(progressive(decode(container, stream, stats, span, every_s, source)), clock, stats)
        for index, decoded, time_s in pictures:
            stats.decoded += 1
            stats.end_s = time_s
            stats.shots, began = stats.shots.after(luma.of(decoded))
            cut = cut or began
            if every_s and time_s < wanted * every_s - GRID_TOLERANCE_S:
                continue
            wanted = next_wanted(time_s, every_s)
            met = Position(index, time_s, clock.start_s or 0.0, stats.decoded, stats.damaged, stats.skipped)
            yield Frame(index, time_s, canvas.drawn(decoded), canvas.scale, met, cut, stats.shots)
            cut = False
        if span.end_pts is not None:
            return
        if not stats.decoded and span.begin_pts is None:
            raise media_error("damaged_video")
        duration = duration_s(container, stream, clock.start_s or 0.0)
        stats.partial = duration is not None and _is_cut_off(stats.end_s, clock.step_s, duration)


def _is_cut_off(end_s: float, step_s: float, duration_s: float) -> bool:
    """Return whether a video lacks more of its length than pictures that are shown for a while explain.

    `end_s`: the time of its last picture, which is shown for about `step_s`; a picture more would have had room.
    """
    return end_s < PARTIAL_BELOW * duration_s - max(LAST_FRAME_S, step_s) and end_s + 2 * step_s <= duration_s


@contextmanager
def _sought(source: Source, after: Bookmark, before_s: float) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video at a key frame about `before_s` seconds before the mark, or at its beginning."""
    with opened_video(source) as (container, stream):
        to_s = after.position.start_s + after.position.time_s - before_s
        # Where the clock may restart, several places may show the mark's time.
        base = None if clock_may_restart(container) else stream.time_base
        if base is not None and to_s > after.position.start_s:
            # A demuxer that can't seek keeps its place or loses it: the picture at the mark shows which.
            with suppress(av.error.FFmpegError):
                container.seek(round(to_s / base), stream=stream)
        yield container, stream


def _pictures_after(
    source: Source, every_s: float, stats: DecodeStats, after: Bookmark, canvas: Canvas, span: Span, clock: Clock
) -> Iterator[tuple[int, VideoFrame, float]]:
    """Yield what comes after the marked frame; as little as gives the same picture there is decoded before.

    `clock` is set to the mark's. Raises BookmarkError where not even decoding from the beginning leads to that picture.
    """
    first_s = span.start_s
    for before_s in (*SEEK_BEFORE_S, math.inf):
        with _sought(source, after, before_s) as (container, stream):
            clock.start_s = first_s if before_s == math.inf or clock_may_restart(container) else after.position.start_s
            clock.end_s = None
            pictures = timed(progressive(decode(container, stream, stats, span, every_s, source)), clock, stats)
            number = _number_at(pictures, after, canvas)
            if number is None:
                continue
            met, offset = after.position, after.position.index - number
            stats.decoded, stats.end_s, stats.damaged, stats.skipped = met.decoded, met.time_s, met.damaged, met.skipped
            yield from ((offset + number, frame, time_s) for number, frame, time_s in pictures)
            stats.numbered += offset
            return
    raise BookmarkError("The place to go on from is not found in the video.")


def _number_at(pictures: Iterator[tuple[int, VideoFrame, float]], after: Bookmark, canvas: Canvas) -> int | None:
    """Go forward to the marked frame and return its number in this pass; None where it is missing or another."""
    for number, frame, time_s in pictures:
        if time_s >= after.position.time_s:
            same = time_s == after.position.time_s and crc32(canvas.drawn(frame)) == after.crc32
            return number if same else None
    return None


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for _, frame in decode(container, stream, DecodeStats()):
        return frame
    raise media_error("damaged_video")
