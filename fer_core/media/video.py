"""Videos from outside, decoded by a process without rights: every frame with the stream's own time, upright."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from typing import TypeVar

from fer_core.carry import CarryError, Json, from_json, to_json
from fer_core.errors import media_error
from fer_core.media import reader, wire
from fer_core.media.frame_head import FrameHead
from fer_core.media.passage import MEDIA_TYPES, WHOLE, Bookmark, DecodeStats, Span, due
from fer_core.media.sandbox import MOST_SIDE_PX
from fer_core.media.shots import HEIGHT, REMEMBERED, WIDTH, Shots
from fer_core.media.source import Source
from fer_core.types import RGB, Frame, VideoInfo

MOST_SPANS = 1001
LONGEST_CODEC = 64
HEX = frozenset(string.hexdigits)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Spans:
    spans: tuple[Span, ...]


def probe(source: Source) -> VideoInfo:
    """Return what a video says of itself. Raises MediaError as `frames` does."""
    info = reader.answer(source, VideoInfo, {"do": "probe"})
    numbers = (info.duration_s, info.mean_fps, info.begins_s, info.bits_per_pixel)
    known = [number for number in numbers if number is not None]
    sides = (info.width_px, info.height_px)
    if not all(map(math.isfinite, known)) or not all(1 <= side <= MOST_SIDE_PX for side in sides):
        raise media_error("unreadable_file")
    if len(info.codec) > LONGEST_CODEC or info.media_type not in (None, *MEDIA_TYPES):
        raise media_error("unreadable_file")
    return info


def spans(source: Source, segment_s: float) -> list[Span]:
    """Return the parts of about so many seconds in which a video may be read separately, each from a key frame on.

    The parts depend on the file alone. There is one, the whole, where the file has no index of its key frames, or where
    seeking by it doesn't lead to them. No part is shorter than about `segment_s`.
    Raises MediaError as `frames` does.
    """
    found = reader.answer(source, _Spans, {"do": "spans", "segment_s": segment_s}).spans
    times = [span.start_s for span in found if span.start_s is not None]
    if not 1 <= len(found) <= MOST_SPANS or not all(map(math.isfinite, times)):
        raise media_error("unreadable_file")
    return list(found)


def frames(
    source: Source,
    every_s: float = 0.2,
    max_side_px: int | None = None,
    stats: DecodeStats | None = None,
    after: Bookmark | None = None,
    span: Span = WHOLE,
    info: VideoInfo | None = None,
) -> Iterator[Frame]:
    """Yield frames of a video in the order of their times, one pass forward.

    `every_s`: seconds between samples, 0 for every frame; the first frame is taken, then the first one at or after
    each point of the grid. All are of one size, that of `info` (by default what `probe` says). `max_side_px`: they are
    made smaller until their longer side has it; `Frame.scale` says by how much. `stats` is filled on the way. `after`:
    a frame of an earlier pass with the same settings; what is given then is what that pass would have given after it.
    `span`: the part to be read; numbers count from its beginning, times from that of the video, and its first frame is
    taken in any case (see `due`).

    Raises MediaError ``empty``, ``unknown_type``, ``unread_video``, ``unread_picture``, ``unread_codec``,
    ``protected_video``, ``not_a_video``, ``no_video_stream``, ``incomplete_file``, ``too_large``, ``damaged_video``,
    ``unreadable_file`` or ``hostile_file``.
    """
    question = {
        "do": "frames",
        "every_s": every_s,
        "max_side_px": max_side_px,
        "after": None if after is None else to_json(after),
        "span": asdict(span),
        "info": None if info is None else to_json(info),
    }
    before = None if after is None else after.position.time_s
    slot_bytes = 0 if max_side_px is None else 3 * max(max_side_px, 2) ** 2
    with closing(reader.heard(source, question, reader.PASS_CPU_S, slot_bytes)) as messages:
        for message in messages:
            if message.kind == wire.FRAME and message.rgb is not None:
                frame, met = _frame(message.fields, message.rgb, before, every_s)
                before = frame.time_s
                _fill(stats, met)
                yield frame
            elif message.kind == wire.ANSWER:
                _fill(stats, _read(DecodeStats, message.fields))


def _fill(stats: DecodeStats | None, met: DecodeStats) -> None:
    if not math.isfinite(met.end_s):
        raise media_error("unreadable_file")
    if stats is not None:
        for one in fields(DecodeStats):
            setattr(stats, one.name, getattr(met, one.name))


def _frame(fields: Json, rgb: RGB, before_s: float | None, every_s: float) -> tuple[Frame, DecodeStats]:
    """Return the frame of a message; `before_s`: the time of the one before. Raises MediaError for what can't be."""
    head = _read(FrameHead, fields)
    at, stats = head.position, head.stats
    numbers = (at.index, at.decoded, at.damaged, at.skipped)
    sound = (
        math.isfinite(at.time_s)
        and math.isfinite(at.start_s)
        and (before_s is None or (at.time_s > before_s and due(at.time_s, before_s, every_s)))
        and 0 < head.scale <= 1
        and all(0 <= number < 2**40 for number in numbers)
        and _seen(stats.shots)
    )
    if not sound:
        raise media_error("unreadable_file")
    return Frame(at.index, at.time_s, rgb, head.scale, at, head.cut, stats.shots), stats


def _seen(shots: Shots) -> bool:
    """Return whether this can be what was seen of the last frames."""
    return (
        len(shots.luma) == 2 * WIDTH * HEIGHT
        and HEX.issuperset(shots.luma)
        and len(shots.changes) <= REMEMBERED
        and all(map(math.isfinite, shots.changes))
    )


def _read(kind: type[T], fields: Json) -> T:
    try:
        return from_json(kind, fields)
    except CarryError:
        raise media_error("unreadable_file") from None
