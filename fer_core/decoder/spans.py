"""Where a video may be cut: parts that can be read separately, each from a key frame on."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from fer_core.decoder.container import opened_video
from fer_core.decoder.decoding import decode, first_time_s
from fer_core.media.passage import WHOLE, DecodeStats, Span
from fer_core.media.source import Source

MOST_CUTS = 1000
"""A video is cut no more often: what would need more is damaged."""


def spans(source: Source, segment_s: float) -> list[Span]:
    """Return the parts of about so many seconds in which a video may be read separately, each from a key frame on.

    The parts depend on the file alone. There is one, the whole, where the file has no index of its key frames, or where
    seeking by it doesn't lead to them. No part is shorter than about `segment_s`.
    Raises MediaError as `frames` does.
    """
    with opened_video(source) as (container, stream):
        base = stream.time_base
        if base is None:
            return [WHOLE]
        last_s = start_s = first_time_s(container, stream)
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
        first = next(decode(container, stream, DecodeStats()), None)
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
