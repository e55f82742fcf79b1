"""A video file that is opened, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from fer_core.decoder.atoms import is_protected, lacks_index
from fer_core.errors import MediaError, media_error
from fer_core.media.kinds import DEMUXERS, sniff
from fer_core.media.source import Source

MAX_PIXELS = 50_000_000
STILLS = 10
"""A stream with so many times fewer pictures than another one holds stills."""
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


def clock_may_restart(container: InputContainer) -> bool:
    """Return whether the file's clock may restart anywhere, as that of an MPEG stream."""
    return container.format.name in ("mpegts", "mpeg")


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
