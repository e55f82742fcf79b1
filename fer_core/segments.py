"""A long video in segments, each looked at by itself: on one machine one after the other, on several at once.

In each segment following begins anew, with a search at its first frame, so that it depends on no other. `Joiner` then
makes the segments' parts, in their order, into chunks of one recording. Who looked at which segment leaves no trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fer_core.errors import media_error
from fer_core.faces.tracking import Tracker
from fer_core.media import video
from fer_core.media.container import WHOLE, Span
from fer_core.media.source import Source
from fer_core.media.spans import spans
from fer_core.media.video import BookmarkError
from fer_core.types import Box, Chunk, FaceExpression, FrameResult, Position, Progress


@dataclass(frozen=True, slots=True)
class End:
    """What a segment leaves to the next: how many frames it had, who was followed at last, and its last frame's place.

    `tracks`: a tracker's state in px of the upright video. Both are None where no frame of it could be decoded.
    """

    frames: int
    decoded: int
    damaged: int
    tracks: dict[str, Any] | None
    last: Position | None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk as its segment tells it: frames, tracks, samples and damage count from the segment's beginning.

    `resume` in it is that of the segment. `first`: the place of the segment's first frame, in the part that holds it.
    `end` is there in the segment's last part.
    """

    chunk: Chunk
    first: Position | None = None
    end: End | None = None


@dataclass(slots=True)
class _Before:
    """What is known of all segments before the present one, as JSON holds it.

    `tail`: who was followed at their end and has not been seen since. `tracks`: this segment's numbers, and the
    recording's for them.
    """

    segment: int = 0
    frames: int = 0
    decoded: int = 0
    damaged: int = 0
    samples: int = 0
    last: dict[str, Any] | None = None
    tail: dict[str, Any] = field(default_factory=lambda: Tracker().state())
    tracks: dict[str, int] = field(default_factory=dict)
    skipped: int = 0


class Joiner:
    """Makes the parts of all segments, given in their order, into the chunks of one recording.

    `spans`: the segments. `every_s`: seconds between samples, 0 for every frame; `step_s`: the same, told for that case
    too. `inside`: what the present one goes on from, None at its beginning. `samples`, `done_s`: how
    far it is.
    """

    def __init__(
        self, spans: Sequence[Span], every_s: float, step_s: float, resume: dict[str, Any] | None = None
    ) -> None:
        self.spans = spans
        self.inside: dict[str, Any] | None = None if resume is None else resume["inside"]
        self.samples: int = 0 if resume is None else resume["samples"]
        self.done_s: float = 0.0 if resume is None else resume["done_s"]
        self._every_s, self._step_s = every_s, step_s
        self._before = _Before() if resume is None else _Before(**resume["before"])
        self._tail = Tracker.resumed(self._before.tail)

    @classmethod
    def of(
        cls, source: Source, every_s: float, segment_s: float, resume: dict[str, Any] | None, whole: bool = False
    ) -> Joiner:
        """Return a joiner of a video's segments, or of one that is the `whole`; it goes on where `resume` was given.

        Raises MediaError, BookmarkError where the video has other segments than that of `resume`.
        """
        parts = [WHOLE] if whole else spans(source, segment_s)
        if resume is not None and resume["segments"] != len(parts):
            raise BookmarkError("The place to go on from is not found in the video.")
        return cls(parts, every_s, step_s(source, every_s), resume)

    @property
    def segment(self) -> int:
        """The number of the segment whose part is joined next."""
        return self._before.segment

    @property
    def over(self) -> bool:
        """Whether all segments are joined."""
        return self.segment == len(self.spans)

    def told(self, at: Progress) -> Progress:
        """Return a segment's progress as the recording's."""
        return replace(at, frames=self._before.samples + at.frames)

    def join(self, part: Part) -> Chunk:
        """Return the next part as a chunk of the recording. Raises MediaError where no frame could be decoded."""
        before, chunk = self._before, part.chunk
        results = [self._joined(result) for result in chunk.results]
        if part.first is not None and before.last is not None:
            last = Position(**before.last)
            if not video.due(part.first.time_s, last.time_s, self._every_s):
                del results[0]
            results[:0] = damaged_moments(last, self._placed(part.first), self._step_s)
        preview = chunk.preview
        if preview is not None:
            preview = replace(preview, faces=self._numbered(preview.faces))
        self.samples += len(results)
        self.done_s = results[-1].time_s if results else self.done_s
        damaged, skipped = before.damaged + chunk.damaged_frames, before.skipped + chunk.skipped_frames
        self.inside = chunk.resume
        if part.end is not None:
            self._pass_on(part.end)
            if self.over and not self._before.decoded:
                raise media_error("damaged_video")
        return Chunk(tuple(results), chunk.info, preview, damaged, chunk.partial, self._resume(), skipped)

    def _joined(self, result: FrameResult) -> FrameResult:
        """Return a segment's result with the recording's numbers."""
        before, faces = self._before, result.faces
        # The first segment's numbers are the recording's.
        unknown = [seen.face for seen in faces if before.segment and str(seen.face.track) not in before.tracks]
        if unknown:
            for face, track in zip(unknown, self._tail.claim(result.time_s, unknown), strict=True):
                before.tracks[str(face.track)] = track
            before.tail = self._tail.state()
        return replace(result, index=before.frames + result.index, faces=self._numbered(faces))

    def _numbered(self, faces: Sequence[FaceExpression]) -> tuple[FaceExpression, ...]:
        return tuple(replace(seen, face=replace(seen.face, track=self._track(seen.face.track))) for seen in faces)

    def _track(self, number: int) -> int:
        return self._before.tracks[str(number)] if self._before.segment else number

    def _placed(self, at: Position) -> Position:
        """Return a place in the segment as one in the recording."""
        return replace(at, index=self._before.frames + at.index, damaged=self._before.damaged + at.damaged)

    def _pass_on(self, end: End) -> None:
        """Go on to the next segment."""
        before = self._before
        if end.tracks is not None:
            followed = [track | {"number": self._track(track["number"])} for track in end.tracks["tracks"]]
            after = self._tail.state()["next"] if before.segment else end.tracks["next"]
            self._tail = Tracker.resumed({"next": after, "tracks": followed})
        self._before = _Before(
            before.segment + 1,
            before.frames + end.frames,
            before.decoded + end.decoded,
            before.damaged + end.damaged,
            self.samples,
            asdict(self._placed(end.last)) if end.last is not None else before.last,
            self._tail.state(),
            skipped=before.skipped + end.skipped,
        )

    def _resume(self) -> dict[str, Any] | None:
        if self.over:
            return None
        told = {"segments": len(self.spans), "samples": self.samples, "done_s": self.done_s}
        return told | {"inside": self.inside, "before": asdict(self._before)}


def step_s(source: Source, every_s: float) -> float:
    """Return the seconds between two samples of a video; 0 where that is unknown."""
    if every_s:
        return every_s
    fps = video.probe(source).mean_fps
    return 1 / fps if fps else 0.0


def damaged_moments(before: Position | None, at: Position | None, step_s: float) -> list[FrameResult]:
    """Return a result for each sample that was due between two frames and could not be decoded."""
    if before is None or at is None or at.damaged == before.damaged or step_s <= 0:
        return []
    due = round((at.time_s - before.time_s) / step_s) - 1
    # Each has an index of its own, among those that the damaged frames left.
    count = max(0, min(due, at.index - before.index - 1))
    step_s = (at.time_s - before.time_s) / (count + 1)
    return [FrameResult(before.index + n, before.time_s + n * step_s, damaged=True) for n in range(1, count + 1)]


def tracks_of(state: dict[str, Any], scale: float) -> dict[str, Any]:
    """Return a tracker's state in px of the video, out of one in px of frames with so many px for each of those."""
    return {"next": state["next"], "tracks": [_enlarged(track, 1 / scale) for track in state["tracks"]]}


def _enlarged(track: dict[str, Any], factor: float) -> dict[str, Any]:
    box = Box(*(value * factor for value in track["box"].values()))
    return track | {"box": asdict(box), "velocity": [value * factor for value in track["velocity"]]}
