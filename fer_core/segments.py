"""A long video in segments, each looked at by itself: on one machine one after the other, on several at once.

Following starts again in each segment, with a search at its first frame, so a segment depends on no other. `Joiner`
then makes the segments' parts, in their order, into chunks of one recording. The result does not depend on which
machine analysed which segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fer_core.carry import CarryError, Json, from_json, to_json
from fer_core.errors import media_error
from fer_core.faces.following import FollowerState
from fer_core.faces.tracking import Tracker, TrackerState
from fer_core.media.passage import WHOLE, Bookmark, BookmarkError, Span, due
from fer_core.media.shots import Shots
from fer_core.media.source import Source
from fer_core.media.video import spans
from fer_core.types import Box, Chunk, FaceExpression, FrameResult, Position, Progress

FORM = 2
"""Of `Resume`: another number is another release's, and the analysis starts again."""
NO_SHOT, NOBODY = Shots(), TrackerState()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class End:
    """What a segment leaves to the next: how many frames it had, who was followed at last, and its last frame's place.

    `tracks`: a tracker's state in px of the upright video. Both are None where no frame of it could be decoded.
    `shots`: what is needed to detect a cut after its last frame.
    """

    frames: int
    decoded: int
    damaged: int
    tracks: TrackerState | None
    last: Position | None
    shots: Shots = NO_SHOT
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """A chunk as its segment reports it: frames, tracks, samples and damage count from the segment's beginning.

    `resume` in it is that of the segment. `first`: the place of the segment's first frame, in the part that holds it,
    and `luma`: what is needed to detect a cut before it. `end` is there in the segment's last part.
    """

    chunk: Chunk
    first: Position | None = None
    end: End | None = None
    luma: str = ""


@dataclass(frozen=True, slots=True)
class SegmentResume:
    """What a segment goes on from: the frame it was read to, how many were sampled, `scale` px of that frame per px of
    the video, who is followed, and whose faces are wanted."""

    mark: Bookmark
    samples: int
    scale: float
    follower: FollowerState
    patient: int | Box | None


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of all segments before the present one.

    `tail`: who was followed at their end and has not been seen since. `tracks`: this segment's numbers, and the
    recording's for them.
    """

    segment: int = 0
    frames: int = 0
    decoded: int = 0
    damaged: int = 0
    samples: int = 0
    last: Position | None = None
    tail: TrackerState = NOBODY
    tracks: tuple[tuple[int, int], ...] = ()
    shots: Shots = NO_SHOT
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Resume:
    """What a recording goes on from: its number of segments, samples and seconds done, and where in which segment."""

    form: int
    segments: int
    samples: int
    done_s: float
    inside: SegmentResume | None
    before: Before


class Joiner:
    """Makes the parts of all segments, given in their order, into the chunks of one recording.

    `spans`: the segments. `every_s`: seconds between samples, 0 for every frame. `samples`, `done_s`: how far it is.
    """

    def __init__(self, spans: Sequence[Span], every_s: float, resume: Resume | None = None) -> None:
        self.spans = spans
        self._inside = None if resume is None else resume.inside
        self.samples = 0 if resume is None else resume.samples
        self.done_s = 0.0 if resume is None else resume.done_s
        self._every_s = every_s
        self._before = Before() if resume is None else resume.before
        self._tail = Tracker(self._before.tail)
        self._tracks = dict(self._before.tracks)

    @classmethod
    def of(cls, source: Source, every_s: float, segment_s: float, resume: Json | None, whole: bool = False) -> Joiner:
        """Return a joiner of a video's segments, or of one that is the `whole`; it goes on where `resume` was given.

        Raises MediaError, BookmarkError where the video has other segments than that of `resume`.
        """
        parts = [WHOLE] if whole else spans(source, segment_s)
        place = None if resume is None else read_resume(Resume, resume)
        if place is not None and (place.form, place.segments) != (FORM, len(parts)):
            raise BookmarkError("The place to go on from is not found in the video.")
        return cls(parts, every_s, place)

    @property
    def inside(self) -> Json | None:
        """What the present segment goes on from, None at its beginning."""
        return None if self._inside is None else to_json(self._inside)

    @property
    def segment(self) -> int:
        """The number of the segment whose part is joined next."""
        return self._before.segment

    @property
    def over(self) -> bool:
        """Whether all segments are joined."""
        return self.segment == len(self.spans)

    def of_recording(self, at: Progress) -> Progress:
        """Return a segment's progress as the recording's."""
        return replace(at, frames=self._before.samples + at.frames)

    def join(self, part: SegmentPart) -> Chunk:
        """Return the next part as a chunk of the recording. Raises MediaError where no frame could be decoded."""
        before, chunk = self._before, part.chunk
        cut = part.first is not None and before.shots.after(part.luma)[1]
        if cut:
            self._tail.forget()
        results = [self._joined(result) for result in chunk.results]
        if cut:
            results[0] = replace(results[0], cut=True)
        if part.first is not None and before.last is not None:
            if not due(part.first.time_s, before.last.time_s, self._every_s):
                # Its cut, if there is one, begins with the sample that is reported.
                left_out = results.pop(0)
                results[:1] = [replace(one, cut=one.cut or left_out.cut) for one in results[:1]]
            results[:0] = damaged_moments(before.last, self._placed(part.first), self._every_s)
        preview = chunk.preview
        if preview is not None:
            preview = replace(preview, faces=self._numbered(preview.faces))
        self.samples += len(results)
        self.done_s = results[-1].time_s if results else self.done_s
        damaged, skipped = before.damaged + chunk.damaged_frames, before.skipped + chunk.skipped_frames
        self._inside = None if chunk.resume is None else read_resume(SegmentResume, chunk.resume)
        if part.end is not None:
            self._pass_on(part.end)
            if self.over and not self._before.decoded:
                raise media_error("damaged_video")
        return Chunk(tuple(results), chunk.info, preview, damaged, chunk.partial, self._resume(), skipped)

    def _joined(self, result: FrameResult) -> FrameResult:
        """Return a segment's result with the recording's numbers."""
        if result.cut:
            self._tail.forget()
        # The first segment's numbers are the recording's.
        unknown = [one.face for one in result.faces if self.segment and one.face.track not in self._tracks]
        if unknown:
            numbers = self._tail.claim(result.time_s, unknown)
            self._tracks |= {face.track: track for face, track in zip(unknown, numbers, strict=True)}
        return replace(result, index=self._before.frames + result.index, faces=self._numbered(result.faces))

    def _numbered(self, faces: Sequence[FaceExpression]) -> tuple[FaceExpression, ...]:
        return tuple(replace(seen, face=replace(seen.face, track=self._track(seen.face.track))) for seen in faces)

    def _track(self, number: int) -> int:
        return self._tracks[number] if self.segment else number

    def _placed(self, at: Position) -> Position:
        """Return a place in the segment as one in the recording."""
        return replace(at, index=self._before.frames + at.index, damaged=self._before.damaged + at.damaged)

    def _pass_on(self, end: End) -> None:
        """Go on to the next segment."""
        before = self._before
        if end.tracks is not None:
            followed = tuple(replace(track, number=self._track(track.number)) for track in end.tracks.tracks)
            after = self._tail.state().next if before.segment else end.tracks.next
            self._tail = Tracker(TrackerState(after, followed))
        self._tracks = {}
        self._before = Before(
            segment=before.segment + 1,
            frames=before.frames + end.frames,
            decoded=before.decoded + end.decoded,
            damaged=before.damaged + end.damaged,
            samples=self.samples,
            last=self._placed(end.last) if end.last is not None else before.last,
            shots=end.shots if end.last is not None else before.shots,
            skipped=before.skipped + end.skipped,
        )

    def _resume(self) -> Json | None:
        if self.over:
            return None
        before = replace(self._before, tail=self._tail.state(), tracks=tuple(self._tracks.items()))
        return to_json(Resume(FORM, len(self.spans), self.samples, self.done_s, self._inside, before))


def read_resume(kind: type[T], data: Json) -> T:
    """Return what a pass goes on from. Raises BookmarkError for what another release left."""
    try:
        return from_json(kind, data)
    except CarryError as error:
        raise BookmarkError("The place to go on from was left by another release.") from error


def damaged_moments(before: Position | None, at: Position | None, every_s: float) -> list[FrameResult]:
    """Return a result for each sample that was due between two frames and could not be decoded."""
    if before is None or at is None or at.damaged == before.damaged:
        return []
    # Each has an index of its own, among those that the damaged frames left.
    missing = at.index - before.index - 1
    due = round((at.time_s - before.time_s) / every_s) - 1 if every_s else missing
    count = max(0, min(due, missing))
    step_s = (at.time_s - before.time_s) / (count + 1)
    return [FrameResult(before.index + n, before.time_s + n * step_s, damaged=True) for n in range(1, count + 1)]
