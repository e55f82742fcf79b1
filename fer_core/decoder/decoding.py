"""The frames of an opened video as its decoder gives them, with none lost where something is damaged."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fer_core.decoder.container import MAX_PIXELS, clock_may_restart, opened_video
from fer_core.decoder.deinterlace import progressive
from fer_core.decoder.tally import ALWAYS_SHOWN, Tally
from fer_core.errors import media_error
from fer_core.media.passage import WHOLE, DecodeStats, Span
from fer_core.media.source import Source

UNNEEDED_IN_A_ROW = 3
"""Encoders put so many frames that no other frame needs after each other, usually."""
LAST_PACKETS = 64
"""So many packets before the end all frames are decoded, or else nobody would know which of them are missing: a decoder
holds back up to 16 for its threads and 16 to bring them into order."""
HELD_BACK = 8
"""Of an AVI, so many frames are looked at ahead to know their order; an encoder mixes up fewer."""


def decode(
    container: InputContainer,
    stream: VideoStream,
    stats: DecodeStats,
    span: Span = WHOLE,
    every_s: float = 0.0,
    source: Source | None = None,
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield (number, frame) and go on after packets and frames that can't be decoded, which are numbered too.

    What doesn't belong to the span is neither numbered nor counted: before it stand pictures that lean on those of
    before the key frame, after it those that the decoder needs to give the last ones. `every_s`: seconds between the
    samples that are wanted; frames that no other frame needs may be left out where enough others are there. `source`:
    where the container was opened from, to read its end again if the decoder's threads lost a part of it.
    """
    stats.numbered = 0
    tally = Tally(stats, span, always_shown=stream.codec_context.codec.canonical_name in ALWAYS_SHOWN)
    if container.format.name == "avi" and stream.codec_context.has_b_frames:
        tally.count_errors()
    decoded = _counted(_pictures(container, stream, tally, every_s, source), tally, stats, span)
    return _in_slots(decoded) if container.format.name == "avi" else decoded


def _counted(
    pictures: Iterator[VideoFrame], tally: Tally, stats: DecodeStats, span: Span
) -> Iterator[tuple[int, VideoFrame]]:
    for frame in pictures:
        if frame.width * frame.height > MAX_PIXELS:
            raise media_error("too_large")
        if span.ended(frame.pts):
            break
        if not span.holds(frame.pts):
            continue
        tally.came(frame)
        stats.numbered += 1
        if frame.is_corrupt:
            stats.damaged += 1
        else:
            yield stats.numbered - 1, frame
    tally.end()


def _pictures(
    container: InputContainer, stream: VideoStream, tally: Tally, every_s: float, source: Source | None
) -> Iterator[VideoFrame]:
    """Yield what the decoder gives."""
    packets = _packets(container, stream, every_s)
    while True:
        packet = None
        try:
            packet = next(packets)
            tally.sent(packet, whole=_decodes_all(stream))
            found = packet.decode()
        except (StopIteration, av.error.EOFError):
            break
        except (av.error.FFmpegError, ValueError):
            if packet is not None and not packet.size and source is not None and tally.lost_from is not None:
                break
            if not tally.failed(packet, whole=_decodes_all(stream)):
                return
            continue
        yield from found
    if source is not None and tally.lost_from is not None:
        yield from _read_again(source, tally, tally.lost_from)


def _read_again(source: Source, tally: Tally, from_pts: int) -> Iterator[VideoFrame]:
    """Yield the pictures from a time on that the decoder's threads gave no more.

    When the packets are at an end, an error of one thread hides what the others hold.
    """
    with opened_video(source) as (container, stream):
        stream.codec_context.thread_count = 1
        with suppress(av.error.FFmpegError):
            container.seek(from_pts, stream=stream)
        for packet in _packets(container, stream, every_s=0.0):
            try:
                found = packet.decode()
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, ValueError):
                if packet.pts is not None and tally.is_new(packet.pts):
                    tally.failed(packet)
                continue
            yield from (frame for frame in found if frame.pts is not None and tally.is_new(frame.pts))


def _packets(container: InputContainer, stream: VideoStream, every_s: float) -> Iterator[Packet[VideoStream]]:
    packets = container.demux(stream)
    if container.format.name == "avi":
        return _dts_for_pts(packets)
    # Where the clock restarts, the last frame before it has to be known.
    return packets if clock_may_restart(container) else _leaving_out(packets, container, stream, every_s)


def _decodes_all(stream: VideoStream) -> bool:
    return str(stream.codec_context.skip_frame) == "DEFAULT"


def _leaving_out(
    packets: Iterator[Packet[VideoStream]], container: InputContainer, stream: VideoStream, every_s: float
) -> Iterator[Packet[VideoStream]]:
    """Yield the packets; where frames follow each other closely, those that no other needs are not decoded.

    That is 36 % less work. With fewer frames a second, which a camera may come to in the dark, samples would be lost.
    """
    before: int | None = None
    end_s = _end_s(container, stream)
    for packet in packets:
        base, step = packet.time_base, None
        if packet.dts is not None and before is not None and base is not None:
            step = float((packet.dts - before) * base)
        before = packet.dts
        close = step is not None and 0 < (UNNEEDED_IN_A_ROW + 1) * step < every_s
        if close and end_s is not None and step is not None and packet.dts is not None and base is not None:
            close = float(packet.dts * base) + LAST_PACKETS * step < end_s
        stream.codec_context.skip_frame = "NONREF" if close else "DEFAULT"
        yield packet


def _end_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the time in the stream at which it ends, as far as the file says it."""
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    return ((container.start_time or 0) + container.duration) / av.time_base if container.duration else None


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
