"""Videos: every decodable frame with the stream's own time, upright, and a count of what could not be read."""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer_core.deinterlace import progressive
from fer_core.errors import FerError, media_error
from fer_core.image import sniff
from fer_core.source import Source, opened
from fer_core.types import RGB, Frame, Position, VideoInfo

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,flv"
"""Demuxers that may open a file. A playlist or a concatenation script would open others in its name."""
MAX_PIXELS = 50_000_000
SKIP_REFERENCES_FROM_S = 0.15
"""From this sampling distance on, frames that no other frame needs are not decoded: 36 % less work."""
PARTIAL_BELOW = 0.98
"""A video that ends before this share of the length that its header promises was cut off."""
BUFFER_BYTES = 256 * 1024
"""Read at once from a file that is open already: each reading goes through Python."""
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
MOST_CUTS = 1000
"""A video is cut no more often: what would need more is damaged."""
GRID_TOLERANCE_S = 5e-7
"""0.2 s is not exact in a stream's time base."""


@dataclass(slots=True)
class DecodeStats:
    """What a pass over a video met: `damaged` packets or frames, `skipped` frames whose time does not go forward.

    `numbered`: frames that have a number, damaged ones too. `end_s`: time of the last frame. `partial`: the video ends
    before its header says so.
    """

    decoded: int = 0
    damaged: int = 0
    skipped: int = 0
    numbered: int = 0
    end_s: float = 0.0
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a video from one key frame to another, by their times in the stream's own units; None: an end of it.

    `start_s`: the time of the video's first frame in the stream, from which times are told; None where it begins there.
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


def spans(source: Source, every_s: float, segment_s: float) -> list[Span]:
    """Return the parts of about so many seconds in which a video may be read separately, each from a key frame on.

    The parts depend on the file alone. There is one, the whole, where the file has no index of its key frames, or where
    seeking by it doesn't lead to them. No part is shorter than about `segment_s`.
    Raises MediaError as `frames` does.
    """
    with _opened(source, every_s) as (container, stream):
        base = stream.time_base
        if base is None:
            return [WHOLE]
        last_s = start_s = _first_time_s(container, stream)
        # Matroska's index is read when it is needed first.
        _sought_packet(container, stream, round(start_s / base))
        entries = stream.index_entries
        indexed = [entry.timestamp for entry in entries if entry.is_keyframe]
        if len(indexed) < 2:
            return [WHOLE]
        latest_s = float(entries[-1].timestamp * base) - segment_s
        cuts: list[int] = []
        for timestamp in indexed:
            if not last_s + segment_s <= float(timestamp * base) <= latest_s or len(cuts) == MOST_CUTS:
                continue
            last_s = float(timestamp * base)
            # The index may tell when a frame is decoded, and not when it is shown.
            pts = _key_frame_before(container, stream, timestamp)
            if pts is not None and float(pts * base) > start_s and (not cuts or pts > cuts[-1]):
                cuts.append(pts)
    ends = [None, *cuts, None]
    return [Span(begin, end, start_s) for begin, end in pairwise(ends)]


def _key_frame_before(container: InputContainer, stream: VideoStream, pts: int) -> int | None:
    """Return the time of the last key frame at or before a time.

    None where seeking doesn't lead there, or where the decoder needs more than that frame to begin.
    """
    found = _sought_packet(container, stream, pts)
    if found is None or _sought_packet(container, stream, found) != found:
        return None
    with suppress(av.error.FFmpegError):
        container.seek(found, stream=stream)
        first = next(_decoded(container, stream, DecodeStats()), None)
        return found if first is not None and first[1].pts == found else None
    return None


def _sought_packet(container: InputContainer, stream: VideoStream, pts: int) -> int | None:
    """Return the time of the packet that seeking leads to; None where that is no key frame, or nothing."""
    try:
        container.seek(pts, stream=stream)
        packet = next(container.demux(stream))
    except (av.error.FFmpegError, StopIteration):
        return None
    return packet.pts if packet.is_keyframe else None


def _first_time_s(container: InputContainer, stream: VideoStream) -> float:
    """Return the time of the first frame in the stream. Raises MediaError where none can be decoded."""
    for _, frame in progressive(_decoded(container, stream, DecodeStats())):
        if frame.pts is not None and frame.time_base is not None:
            return float(frame.pts * frame.time_base)
    raise media_error("damaged_video")


def probe(source: Source) -> VideoInfo:
    """Return what a video says of itself. Raises MediaError as `frames` does."""
    with _opened(source) as (container, stream):
        first = _first_frame(container, stream)
        width, height = first.width, first.height
        if _quarter_turns(first) % 2:
            width, height = height, width
        rate = stream.average_rate
        codec = stream.codec_context.name
        mean_fps = float(rate) if rate else None
        start_s = float(first.pts * first.time_base) if first.pts is not None and first.time_base is not None else 0.0
        length_s = _duration_s(container, stream, start_s)
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
    """A frame that was read, from which a later pass goes on; `crc32` of its picture proves that it is the same."""

    position: Position
    crc32: int

    @classmethod
    def at(cls, frame: Frame) -> Bookmark:
        """Return the bookmark of a frame that `frames` gave. Raises ValueError for one from elsewhere."""
        if frame.position is None:
            raise ValueError("only a frame of a video has a place in it")
        return cls(frame.position, _crc32(frame.rgb))


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
    with _opened(source, every_s) as (container, stream):
        start_s, wanted = span.start_s, 0
        if after is not None:
            numbered = _decoded_after(source, every_s, stats, after, max_side_px, span)
            start_s = after.position.start_s
            wanted = _next_wanted(after.position.time_s, every_s)
        else:
            if span.begin_pts is not None:
                container.seek(span.begin_pts, stream=stream)
            numbered = progressive(_decoded(container, stream, stats, span))
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
            if every_s and time_s < wanted * every_s - GRID_TOLERANCE_S:
                continue
            wanted = _next_wanted(time_s, every_s)
            rgb, scale = _upright(decoded, max_side_px)
            met = Position(index, time_s, start_s, stats.decoded, stats.damaged, stats.skipped)
            yield Frame(index, time_s, rgb, scale, met)
        if span.end_pts is not None:
            return
        if not stats.decoded and span.begin_pts is None:
            raise media_error("damaged_video")
        duration_s = _duration_s(container, stream, start_s or 0.0)
        stats.partial = duration_s is not None and stats.end_s < PARTIAL_BELOW * duration_s - LAST_FRAME_S


def _next_wanted(time_s: float, every_s: float) -> int:
    """Return the number of the first point of the sampling grid after a time; 0 without a grid."""
    return math.floor(time_s / every_s + 1e-6) + 1 if every_s else 0


def due(time_s: float, before_s: float, every_s: float) -> bool:
    """Return whether a frame is to be sampled where the last sample before it is that of `before_s`."""
    return not every_s or time_s >= _next_wanted(before_s, every_s) * every_s - GRID_TOLERANCE_S


@contextmanager
def _opened(source: Source, every_s: float = 0.0) -> Iterator[tuple[InputContainer, VideoStream]]:
    kind = sniff(source)
    if kind == "empty":
        raise media_error("empty")
    if kind != "video":
        named = isinstance(source, Path) and source.suffix.lower() in (
            ".mp4",
            ".mov",
            ".m4v",
            ".mkv",
            ".webm",
            ".avi",
            ".3gp",
            ".ts",
            ".flv",
        )
        raise media_error("not_a_video" if named else "unknown_type")
    # A file that is open already needs no protocol, so that it can open no other file.
    protocols = "file" if isinstance(source, Path) else "none"
    options = {"format_whitelist": FORMATS, "protocol_whitelist": protocols}
    try:
        container = av.open(_for_av(source), options=options, buffer_size=BUFFER_BYTES)
    except (av.error.FFmpegError, OSError, ValueError):
        raise media_error("incomplete_file" if _lacks_index(source) else "not_a_video") from None
    with container:
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams:
            raise media_error("no_video_stream")
        stream = streams[0]
        if stream.codec_context is None:
            # A codec that FFmpeg doesn't know, or that the file's damage has made up.
            raise media_error("damaged_video")
        if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            raise media_error("too_large")
        stream.thread_type = "AUTO"
        if every_s >= SKIP_REFERENCES_FROM_S:
            stream.codec_context.skip_frame = "NONREF"
        yield container, stream


def _decoded(
    container: InputContainer, stream: VideoStream, stats: DecodeStats, span: Span = WHOLE
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield (number, frame) and go on after packets and frames that can't be decoded, which are numbered too.

    What doesn't belong to the span is neither numbered nor counted: before it stand pictures that lean on those of
    before the key frame, after it those that the decoder needs to give the last ones.
    """
    stats.numbered = 0
    packets = container.demux(stream)
    while True:
        packet = None
        try:
            packet = next(packets)
            found = packet.decode()
        except StopIteration:
            return
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, ValueError):
            if packet is not None and not span.holds(packet.pts):
                continue
            stats.damaged += 1
            stats.numbered += 1
            # A container that can't go on repeats its error for ever.
            if stats.damaged > 10_000:
                return
            continue
        for frame in found:
            if frame.width * frame.height > MAX_PIXELS:
                raise media_error("too_large")
            if span.ended(frame.pts):
                return
            if not span.holds(frame.pts):
                continue
            stats.numbered += 1
            if frame.is_corrupt:
                stats.damaged += 1
            else:
                yield stats.numbered - 1, frame


@contextmanager
def _sought(
    source: Source, every_s: float, after: Bookmark, before_s: float
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video at a key frame about `before_s` seconds before the mark, or at its beginning."""
    with _opened(source, every_s) as (container, stream):
        to_s = after.position.start_s + after.position.time_s - before_s
        if stream.time_base is not None and to_s > after.position.start_s:
            # A demuxer that can't seek leaves the place where it was, or loses it: the picture at the mark tells.
            with suppress(av.error.FFmpegError):
                container.seek(round(to_s / stream.time_base), stream=stream)
        yield container, stream


def _decoded_after(
    source: Source, every_s: float, stats: DecodeStats, after: Bookmark, max_side_px: int | None, span: Span
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield what `_decoded` yields after the marked frame; as little as gives the same picture there is decoded before.

    Raises BookmarkError where not even decoding from the beginning leads to that picture.
    """
    for before_s in (*SEEK_BEFORE_S, math.inf):
        with _sought(source, every_s, after, before_s) as (container, stream):
            numbered = progressive(_decoded(container, stream, stats, span))
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
    for _, frame in _decoded(container, stream, DecodeStats()):
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


def _duration_s(container: InputContainer, stream: VideoStream, start_s: float) -> float | None:
    """Return the length that the file tells, None where it doesn't; `start_s` is the time of its first frame."""
    if stream.duration and stream.time_base:
        told = float(stream.duration * stream.time_base)
    elif container.duration and container.duration > 0:
        told = float(container.duration / av.time_base)
    else:
        return None
    # Matroska tells the time of its end, which is later than its length where it does not begin at 0.
    return told - max(0.0, start_s) if "matroska" in container.format.name else told


def _for_av(source: Source) -> str | BinaryIO:
    if isinstance(source, Path):
        return str(source)
    source.seek(0)
    return source


def _lacks_index(source: Source) -> bool:
    """Return whether an MP4 or MOV has no moov atom: its recording or its copy was interrupted."""
    place = 0
    with opened(source) as file:
        size = file.seek(0, os.SEEK_END)
        while place + 8 <= size:
            file.seek(place)
            head = file.read(16)
            length, name = int.from_bytes(head[:4], "big"), head[4:8]
            if place == 0 and name not in (b"ftyp", b"mdat", b"wide", b"free", b"skip"):
                return False
            if name == b"moov":
                return False
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                return True
            place += length
    return True
