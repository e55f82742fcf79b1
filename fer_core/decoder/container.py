"""A video file that is opened: what it says of itself, and its frames as the decoder gives them."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer_core.decoder.atoms import is_protected, lacks_index
from fer_core.decoder.deinterlace import progressive
from fer_core.errors import MediaError, media_error
from fer_core.media.kinds import DEMUXERS, sniff
from fer_core.media.passage import WHOLE, DecodeStats, Span
from fer_core.media.source import Source

MAX_PIXELS = 50_000_000
STILLS = 10
"""A stream with so many times fewer pictures than another one holds stills."""
UNNEEDED_IN_A_ROW = 3
"""Encoders put so many frames that no other frame needs after each other, usually."""
HELD_BACK = 8
"""Of an AVI, so many frames are looked at ahead to know their order; an encoder mixes up fewer."""
BUFFER_BYTES = 256 * 1024
"""Read at once from a file that is open already: each reading goes through Python."""


@contextmanager
def opened_video(source: Source) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video with the stream of pictures that players show.

    Raises MediaError ``empty``, ``unknown_type``, ``unread_video``, ``unread_picture``, ``unread_codec``,
    ``protected_video``, ``not_a_video``, ``no_video_stream``, ``incomplete_file``, ``too_large`` or ``damaged_video``.
    """
    kind = sniff(source)
    if kind in ("empty", "unread_video", "unread_picture"):
        raise media_error(kind)
    if kind != "video":
        raise media_error("unknown_type")
    # A file that is open already needs no protocol, so that it can open no other file.
    protocols = "file" if isinstance(source, Path) else "none"
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": protocols}
    try:
        # Some cameras write titles in an old alphabet, which is no reason not to look at the pictures.
        container = av.open(_for_av(source), options=options, buffer_size=BUFFER_BYTES, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError):
        if is_protected(source):
            raise media_error("protected_video") from None
        raise media_error("incomplete_file" if lacks_index(source) else "not_a_video") from None
    with container:
        stream = _shown_stream(container)
        with _protection_named(source, stream):
            _check(stream)
            yield container, stream


@contextmanager
def _protection_named(source: Source, stream: VideoStream) -> Iterator[None]:
    """Say of a video that can't be read that it is protected against copying, where that is why."""
    try:
        yield
    except MediaError as error:
        unread = error.code in ("damaged_video", "unread_codec")
        if unread and ("enc_key_id" in stream.metadata or is_protected(source)):
            raise media_error("protected_video") from None
        raise


def _check(stream: VideoStream) -> None:
    """Refuse what can't be decoded here, and make the decoder ready."""
    if stream.codec_context is None:
        # A codec that FFmpeg doesn't know, or that the file's damage has made up.
        raise media_error("unread_codec")
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        raise media_error("too_large")
    stream.thread_type = "AUTO"


def _shown_stream(container: InputContainer) -> VideoStream:
    """Return the stream that is marked as the one to show, or else the one with the largest pictures."""
    pictures = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & pictures]
    if not streams:
        raise media_error("no_video_stream")
    most = max(stream.frames for stream in streams)
    return max(streams, key=lambda stream: _rank(stream, most))


def _rank(stream: VideoStream, most: int) -> tuple[bool, bool, int]:
    """Return the rank of a stream among others, of which the longest has `most` pictures, 0 where none says it."""
    codec = stream.codec_context
    marked = bool(stream.disposition & av.stream.Disposition.default)
    # Stills for the list of files, or the best moments of a phone's motion picture, are streams too; some programs mark
    # them all the same. A stream that doesn't say how many pictures it has is none of them.
    stills = stream.frames == 1 or 0 < stream.frames * STILLS < most
    return not stills, marked, 0 if codec is None else codec.width * codec.height


def decode(
    container: InputContainer, stream: VideoStream, stats: DecodeStats, span: Span = WHOLE, every_s: float = 0.0
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield (number, frame) and go on after packets and frames that can't be decoded, which are numbered too.

    What doesn't belong to the span is neither numbered nor counted: before it stand pictures that lean on those of
    before the key frame, after it those that the decoder needs to give the last ones. `every_s`: seconds between the
    samples that are wanted; frames that no other frame needs may be left out where enough others are there.
    """
    stats.numbered = 0
    if container.format.name == "avi":
        return _in_slots(_decoded(_dts_for_pts(container.demux(stream)), stats, span))
    if clock_may_restart(container):
        # Where the clock restarts, the last frame before it has to be known.
        return _decoded(container.demux(stream), stats, span)
    return _decoded(_leaving_out(container.demux(stream), stream, every_s), stats, span)


def clock_may_restart(container: InputContainer) -> bool:
    """Return whether the file's clock may restart anywhere, as that of an MPEG stream."""
    return container.format.name in ("mpegts", "mpeg")


def _decoded(
    packets: Iterator[Packet[VideoStream]], stats: DecodeStats, span: Span
) -> Iterator[tuple[int, VideoFrame]]:
    early: list[int] | None = [] if span.begin_pts is None else None
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
        if early is not None and packet.pts is not None and not packet.is_discard:
            early.append(packet.pts)
        for frame in found:
            if frame.width * frame.height > MAX_PIXELS:
                raise media_error("too_large")
            if span.ended(frame.pts):
                return
            if not span.holds(frame.pts):
                continue
            if early is not None and frame.pts is not None:
                # The decoder says nothing of those that need a frame from before the file's beginning.
                stats.skipped += sum(pts < frame.pts for pts in early)
                early = None
            stats.numbered += 1
            if frame.is_corrupt:
                stats.damaged += 1
            else:
                yield stats.numbered - 1, frame


def _leaving_out(
    packets: Iterator[Packet[VideoStream]], stream: VideoStream, every_s: float
) -> Iterator[Packet[VideoStream]]:
    """Yield the packets; where frames follow each other closely, those that no other needs are not decoded.

    That is 36 % less work. With fewer frames a second, which a camera may come to in the dark, samples would be lost.
    """
    before: int | None = None
    for packet in packets:
        base, step = packet.time_base, None
        if packet.dts is not None and before is not None and base is not None:
            step = float((packet.dts - before) * base)
        before = packet.dts
        close = step is not None and 0 < (UNNEEDED_IN_A_ROW + 1) * step < every_s
        stream.codec_context.skip_frame = "NONREF" if close else "DEFAULT"
        yield packet


def _dts_for_pts(packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """Yield the packets of an AVI, which says when each is decoded; FFmpeg's reading of that is not dependable."""
    for packet in packets:
        if packet.dts is not None:
            packet.pts = packet.dts
        yield packet


def _in_slots(decoded: Iterator[tuple[int, VideoFrame]]) -> Iterator[tuple[int, VideoFrame]]:
    """Yield the frames of an AVI, which come in the order in which they are shown, with their times in order too."""
    waiting: deque[tuple[int, VideoFrame]] = deque()
    slots: list[int] = []
    for number, frame in decoded:
        waiting.append((number, frame))
        if frame.pts is not None:
            heapq.heappush(slots, frame.pts)
        if len(waiting) > HELD_BACK:
            yield _in_slot(*waiting.popleft(), slots)
    while waiting:
        yield _in_slot(*waiting.popleft(), slots)


def _in_slot(number: int, frame: VideoFrame, slots: list[int]) -> tuple[int, VideoFrame]:
    if frame.pts is not None:
        frame.pts = heapq.heappop(slots)
    return number, frame


def first_time_s(container: InputContainer, stream: VideoStream) -> float:
    """Return the time of the first frame in the stream. Raises MediaError where none can be decoded."""
    for _, frame in progressive(decode(container, stream, DecodeStats())):
        if frame.pts is not None and frame.time_base is not None:
            return float(frame.pts * frame.time_base)
    raise media_error("damaged_video")


def duration_s(container: InputContainer, stream: VideoStream, start_s: float) -> float | None:
    """Return the length that the file states, None without one; `start_s` is the time of its first frame."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # FFmpeg reports what is there, and not what the header says.
        length_s = float(stream.frames / stream.average_rate)
    elif stream.duration and stream.time_base:
        length_s = float(stream.duration * stream.time_base)
    elif container.duration and container.duration > 0:
        length_s = float(container.duration / av.time_base)
    else:
        return None
    # Matroska states the time of its end, which is later than its length where it does not begin at 0.
    return length_s - max(0.0, start_s) if "matroska" in container.format.name else length_s


def _for_av(source: Source) -> str | BinaryIO:
    if isinstance(source, Path):
        return str(source)
    source.seek(0)
    return source
