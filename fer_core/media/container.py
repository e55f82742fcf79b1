"""A video file that is opened: what it says of itself, and its frames as the decoder gives them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer_core.errors import media_error
from fer_core.media.deinterlace import progressive
from fer_core.media.image import sniff
from fer_core.media.kinds import DEMUXERS, named_as_video
from fer_core.media.source import Source, opened

MAX_PIXELS = 50_000_000
SKIP_REFERENCES_FROM_S = 0.15
"""From this sampling distance on, frames that no other frame needs are not decoded: 36 % less work."""
BUFFER_BYTES = 256 * 1024
"""Read at once from a file that is open already: each reading goes through Python."""


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


@contextmanager
def opened_video(source: Source, every_s: float = 0.0) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video with its first stream of pictures; `every_s`: seconds between the samples that are wanted.

    Raises MediaError ``empty``, ``unknown_type``, ``not_a_video``, ``no_video_stream``, ``incomplete_file``,
    ``too_large`` or ``damaged_video``.
    """
    kind = sniff(source)
    if kind == "empty":
        raise media_error("empty")
    if kind == "unread_video":
        raise media_error("unread_video")
    if kind != "video":
        raise media_error("not_a_video" if isinstance(source, Path) and named_as_video(source.name) else "unknown_type")
    # A file that is open already needs no protocol, so that it can open no other file.
    protocols = "file" if isinstance(source, Path) else "none"
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": protocols}
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


def decode(
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


def first_time_s(container: InputContainer, stream: VideoStream) -> float:
    """Return the time of the first frame in the stream. Raises MediaError where none can be decoded."""
    for _, frame in progressive(decode(container, stream, DecodeStats())):
        if frame.pts is not None and frame.time_base is not None:
            return float(frame.pts * frame.time_base)
    raise media_error("damaged_video")


def duration_s(container: InputContainer, stream: VideoStream, start_s: float) -> float | None:
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
