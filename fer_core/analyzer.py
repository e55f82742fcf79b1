"""From a file to results: frames, faces, crops, probabilities, in batches and chunks, so that memory is bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_core.carry import Json, to_json
from fer_core.device import share_cores
from fer_core.faces import quality
from fer_core.faces.detector import NAME as DETECTOR_NAME
from fer_core.faces.detector import Detector
from fer_core.faces.following import Follower, scaled
from fer_core.faces.mouth import MouthWatch
from fer_core.faces.preprocess import crop_faces
from fer_core.faces.tracking import CHOSEN_IOU
from fer_core.media import video
from fer_core.media.fades import Fades
from fer_core.media.image import read_image
from fer_core.media.passage import Bookmark, DecodeStats, Span
from fer_core.media.prefetch import prefetch
from fer_core.media.source import Source
from fer_core.model.classifier import Classifier
from fer_core.segments import End, Joiner, SegmentPart, SegmentResume, damaged_moments, read_resume
from fer_core.types import (
    RGB,
    AnalysisSettings,
    Box,
    Chunk,
    Face,
    FaceExpression,
    Frame,
    FrameResult,
    Preview,
    Progress,
    RecordingAnalysis,
    Status,
    VideoInfo,
)

CHUNK_S = 10.0
CLASSIFY_FRAMES = 32
"""The faces of so many frames are labelled at once; twice as many are looked for ahead meanwhile."""
WORK_SIDE_PX = 1280
"""Frames are made smaller to this longer side: MTCNN's work grows with the area, and a face needs 48 px."""
PICTURE_SIDE_PX = 4608
"""The same for pictures: as large as those of 16 megapixels; one of 50 would take 17 s."""
PREVIEW_SIDE_PX = 640

OnProgress = Callable[[Progress], None]


class Analyzer:
    """A classifier and a detector at work on files; knows nothing of tables or pages."""

    def __init__(self, classifier: Classifier, detector: Detector, settings: AnalysisSettings | None = None) -> None:
        self.classifier = classifier
        self.detector = detector
        self.settings = settings or AnalysisSettings(
            detector=DETECTOR_NAME,
            min_face_px=detector.min_face_px,
            uncertain_below=classifier.card.uncertain_below,
        )
        self._videos_go = threading.Event()
        self._videos_go.set()

    @classmethod
    def open(cls, card: Path | None = None, device: str | None = None) -> Analyzer:
        """Load the shipped model (or another by its card) and the detector onto the best device. Raises ModelError."""
        share_cores()
        return cls(Classifier.load(card, device), Detector(device))

    def analyze_image(self, source: Source) -> RecordingAnalysis:
        """Return the faces of a picture with their probabilities; one result, at index 0 and time 0.

        Raises MediaError for a file that is no readable picture.
        """
        # A video that this one looks at beside it stands still meanwhile: whoever handed in a picture waits for it.
        self._videos_go.clear()
        try:
            return self._image(source)
        finally:
            self._videos_go.set()

    def _image(self, source: Source) -> RecordingAnalysis:
        rgb = read_image(source)
        height, width = rgb.shape[:2]
        frame = _of_picture(rgb)
        found = self.detector.detect([frame.rgb])[0]
        faces = [replace(face, track=number) for number, face in enumerate(found)]
        [result] = self._label([_Seen(frame, faces, *_crops(frame, faces))])
        analysis = self._analysis(VideoInfo(width, height, None, None), (result,), self.settings)
        return replace(analysis, preview=_picture_preview(frame, result))

    def analyze_video(
        self,
        source: Source,
        every_s: float = 0.2,
        on_progress: OnProgress | None = None,
        patient: int | Box | None = None,
    ) -> RecordingAnalysis:
        """Return everything found in a video; see `stream_video`, and use it for long ones."""
        chunks = list(self.stream_video(source, every_s, on_progress, patient))
        results = tuple(result for chunk in chunks for result in chunk.results)
        settings = replace(self.settings, every_s=every_s)
        last = chunks[-1]
        analysis = self._analysis(last.info, results, settings, last.damaged_frames, last.partial)
        return replace(analysis, skipped_frames=last.skipped_frames)

    def stream_video(
        self,
        source: Source,
        every_s: float = 0.2,
        on_progress: OnProgress | None = None,
        patient: int | Box | None = None,
        resume: Json | None = None,
    ) -> Iterator[Chunk]:
        """Yield the results of a video in chunks of about `CHUNK_S`, in one pass forward; at least one chunk.

        `every_s`: seconds between samples, 0 for every frame. `on_progress` is called for each sample; what it
        raises (`Cancelled`, for one) ends the analysis. `patient`: the track's number, or a box in px of the upright
        video that the patient's face covers when it is first there; other faces are then neither labelled nor told.
        `resume`: that of a chunk of an earlier pass over the same file with the same settings; the chunks after it are
        those of a pass that was not disturbed.

        Raises MediaError for a file that is no readable video, BookmarkError where `resume` doesn't fit it.
        """
        joiner = Joiner.of(source, every_s, self.settings.segment_s, resume, whole=patient is not None)
        while not joiner.over:
            span, inside = joiner.spans[joiner.segment], joiner.inside
            tell = _teller(joiner, on_progress)
            with closing(self.stream_segment(source, every_s, span, tell, patient, inside)) as parts:
                for part in parts:
                    yield joiner.join(part)

    def stream_segment(
        self,
        source: Source,
        every_s: float,
        span: Span,
        on_progress: OnProgress | None = None,
        patient: int | Box | None = None,
        resume: Json | None = None,
    ) -> Generator[SegmentPart, None, None]:
        """Yield the parts of one segment, for a `Joiner`; arguments and errors are those of `stream_video`.

        `resume`: that of an earlier part of the same segment.
        """
        info = video.probe(source)
        stats = DecodeStats()
        begun = _Begun.anew(self.detector, patient) if resume is None else _Begun.resumed(self.detector, resume)
        # Decoding, finding and labelling let each other work: all three release the interpreter.
        decoded = prefetch(video.frames(source, every_s, WORK_SIDE_PX, stats, begun.after, span, info))
        first = last = None
        luma = ""
        waiting: list[_Seen] = []
        results: list[FrameResult] = []
        # Closed at once where the loop is left, for the first thread reads from a file that the caller may close then.
        found = prefetch(_batched(_look(decoded, begun, every_s, self._videos_go)), depth=2 * CLASSIFY_FRAMES)
        with closing(decoded), closing(found) as looked:
            for seen in looked:
                if seen.samples == 1:
                    first, luma = seen.frame.position, seen.frame.shots.luma if seen.frame.shots is not None else ""
                waiting.append(seen)
                last = seen.frame
                if on_progress is not None:
                    on_progress(Progress(seen.frame.time_s, info.duration_s, seen.samples))
                if not seen.ends_batch:
                    continue
                results += self._label(waiting)
                preview, waiting = _preview(seen.frame, results[-1]), []
                if seen.resume is not None:
                    found_so_far = Chunk(
                        tuple(results), info, preview, stats.damaged, False, seen.resume, stats.skipped
                    )
                    yield SegmentPart(found_so_far, first, luma=luma)
                    results, first = [], None
        newest = waiting[-1].frame if waiting else None
        results += self._label(waiting)
        preview_at_end = _preview(newest, results[-1]) if newest is not None else None
        info = _as_long_as_seen(info, stats.end_s, every_s)
        chunk = Chunk(tuple(results), info, preview_at_end, stats.damaged, stats.partial, skipped_frames=stats.skipped)
        yield SegmentPart(chunk, first, _end(stats, begun, last), luma)

    def _analysis(
        self,
        info: VideoInfo,
        results: tuple[FrameResult, ...],
        settings: AnalysisSettings,
        damaged: int = 0,
        partial: bool = False,
    ) -> RecordingAnalysis:
        card = self.classifier.card
        return RecordingAnalysis(
            info, results, card.sha256, settings, self.classifier.device_name, damaged_frames=damaged, partial=partial
        )

    def _label(self, seen: Sequence[_Seen]) -> list[FrameResult]:
        """Label the readable faces of several frames in one batch."""
        if not seen:
            return []
        readable = np.concatenate([one.crops[[reason is None for reason in one.reasons]] for one in seen])
        probabilities = iter(self.classifier.probabilities(readable))
        results = []
        for one in seen:
            faces = tuple(self._expressions(one, probabilities))
            results += [*one.damage, FrameResult(one.frame.index, one.frame.time_s, faces, cut=one.frame.cut)]
        return results

    def _expressions(self, seen: _Seen, probabilities: Iterator[NDArray[np.float32]]) -> Iterator[FaceExpression]:
        mouths = seen.mouths or [None] * len(seen.faces)
        for face, reason, mouth in zip(seen.faces, seen.reasons, mouths, strict=True):
            whole = scaled(face, 1 / seen.frame.scale)
            if reason is not None:
                yield FaceExpression(whole, reason, None)
                continue
            found = next(probabilities)
            certain = float(found.max()) >= self.settings.uncertain_below
            status = Status.OK if certain else Status.UNCERTAIN
            yield FaceExpression(whole, status, tuple(float(value) for value in found), mouth)


def _teller(joiner: Joiner, on_progress: OnProgress | None) -> OnProgress | None:
    """Return what tells a segment's progress as the recording's."""
    return None if on_progress is None else lambda at: on_progress(joiner.told(at))


def _end(stats: DecodeStats, begun: _Begun, last: Frame | None) -> End:
    """Return what a segment leaves to the next one; `last`: the last frame that this pass looked at."""
    if last is not None:
        scale, place = last.scale, last.position
    elif begun.after is not None:
        scale, place = begun.scale, begun.after.position
    else:
        return End(stats.numbered, stats.decoded, stats.damaged, None, None, skipped=stats.skipped)
    tracks = begun.follower.state().tracker.scaled(1 / scale)
    return End(stats.numbered, stats.decoded, stats.damaged, tracks, place, stats.shots, stats.skipped)


def _as_long_as_seen(info: VideoInfo, end_s: float, step_s: float) -> VideoInfo:
    """Return what the video says of itself, with its true length: of recordings that were joined it tells one."""
    if info.duration_s is None or end_s <= info.duration_s:
        return info
    return replace(info, duration_s=end_s + step_s)


_NOTHING = np.empty((0, 0, 3), np.uint8)


@dataclass(slots=True)
class _Seen:
    """A frame with its faces, their crops (N, 48, 48), and the reason why each can't be read, or None.

    `mouths`: how much each face's mouth changed, see `MouthWatch`; empty for a picture.
    `damage`: the moments before it that could not be decoded. `samples` counts those looked at so far. `resume`: what a
    later pass needs to go on after this frame, where a chunk ends with it. `ends_batch`: it is labelled together with
    those before it, and alone keeps its picture, for the preview.
    """

    frame: Frame
    faces: Sequence[Face]
    crops: NDArray[np.uint8]
    reasons: Sequence[Status | None]
    damage: Sequence[FrameResult] = ()
    samples: int = 1
    resume: Json | None = None
    ends_batch: bool = False
    mouths: Sequence[float | None] = ()


@dataclass(slots=True)
class _Chosen:
    """Whose faces are wanted: one track's, that of whoever is first seen in a box, or everybody's (None)."""

    patient: int | Box | None

    def of(self, faces: list[Face], scale: float) -> list[Face]:
        """Return the wanted ones among a frame's faces; `scale` is px of the frame for each of the video's own."""
        if isinstance(self.patient, Box):
            place = self.patient
            nearest = max(faces, key=lambda face: scaled(face, 1 / scale).box.iou(place), default=None)
            if nearest is None or scaled(nearest, 1 / scale).box.iou(place) < CHOSEN_IOU:
                return []
            self.patient = nearest.track
        return faces if self.patient is None else [face for face in faces if face.track == self.patient]


@dataclass(frozen=True, slots=True)
class _Begun:
    """Where a pass begins: who is followed and wanted, what was sampled before, since when the current chunk runs.

    `scale`: that of the frame after which it goes on.
    """

    follower: Follower
    chosen: _Chosen
    samples: int = 0
    begun_s: float | None = None
    after: Bookmark | None = None
    scale: float = 1.0

    @classmethod
    def anew(cls, detector: Detector, patient: int | Box | None) -> _Begun:
        return cls(Follower(detector), _Chosen(patient))

    @classmethod
    def resumed(cls, detector: Detector, state: Json) -> _Begun:
        found = read_resume(SegmentResume, state)
        follower, begun_s = Follower.resumed(detector, found.follower), found.mark.position.time_s
        return cls(follower, _Chosen(found.patient), found.samples, begun_s, found.mark, found.scale)


def _look(frames: Iterable[Frame], begun: _Begun, every_s: float, going: threading.Event) -> Iterator[_Seen]:
    """Find, follow and cut out the faces of one frame after the other, while `going` is set."""
    begun_s = begun.begun_s
    before = begun.after.position if begun.after is not None else None
    mouths, fades = MouthWatch(), Fades()
    for samples, frame in enumerate(frames, start=begun.samples + 1):
        going.wait()
        if frame.shots is not None and fades.ends(frame.time_s, frame.shots.luma):
            frame = replace(frame, cut=True)
        faces = begun.chosen.of(begun.follower.faces(frame.time_s, frame.rgb, frame.scale, frame.cut), frame.scale)
        seen = _Seen(frame, faces, *_crops(frame, faces), damaged_moments(before, frame.position, every_s), samples)
        seen.mouths = mouths.changes(frame.time_s, seen.crops, faces, [reason is None for reason in seen.reasons])
        begun_s = frame.time_s if begun_s is None else begun_s
        if frame.time_s - begun_s >= CHUNK_S:
            seen.resume, begun_s = _resume(frame, samples, begun), frame.time_s
            # A pass that goes on from here knows no earlier crop, and must find what this one finds.
            mouths.forget()
            fades.forget()
            begun.follower.forget_appearance()
        before = frame.position
        yield seen


def _batched(looked: Iterable[_Seen]) -> Iterator[_Seen]:
    """Mark the frames that end a batch and take the pictures out of the others, so that many may wait in memory.

    The last frame of all keeps its picture too.
    """
    held: _Seen | None = None
    waiting = 0
    for seen in looked:
        if held is not None:
            if not held.ends_batch:
                held.frame = replace(held.frame, rgb=_NOTHING)
            yield held
        waiting += 1
        seen.ends_batch = seen.resume is not None or waiting == CLASSIFY_FRAMES
        if seen.ends_batch:
            waiting = 0
        held = seen
    if held is not None:
        yield held


def _resume(frame: Frame, samples: int, begun: _Begun) -> Json:
    """Return what `_Begun.resumed` needs after this frame."""
    mark, follower = Bookmark.at(frame), begun.follower.state()
    return to_json(SegmentResume(mark, samples, frame.scale, follower, begun.chosen.patient))


def _crops(frame: Frame, faces: list[Face]) -> tuple[NDArray[np.uint8], list[Status | None]]:
    """Cut the faces out, and put their quality into `faces`."""
    crops = crop_faces(frame.rgb, [face.box for face in faces])
    height, width = frame.rgb.shape[:2]
    measured = quality.measure(crops, faces, width, height, frame.scale)
    faces[:] = [replace(face, quality=found) for face, found in zip(faces, measured, strict=True)]
    return crops, [quality.verdict(found) for found in measured]


def _of_picture(rgb: RGB) -> Frame:
    """Return a picture as a frame, made smaller where it is very large."""
    height, width = rgb.shape[:2]
    scale = min(1.0, PICTURE_SIDE_PX / max(height, width))
    if scale == 1.0:
        return Frame(0, 0.0, rgb)
    small = Image.fromarray(rgb).resize((round(width * scale), round(height * scale)), reducing_gap=2.0)
    return Frame(0, 0.0, np.asarray(small), scale)


def _picture_preview(frame: Frame, result: FrameResult) -> Preview:
    """Return a picture made small with care: nobody waits for the next one, as in a video."""
    longest = max(frame.rgb.shape[:2])
    factor = min(1.0, PREVIEW_SIDE_PX / longest)
    height, width = (max(1, round(side * factor)) for side in frame.rgb.shape[:2])
    # Most of the way by whole numbers, which takes a tenth of the time for the picture of a phone.
    small = np.asarray(Image.fromarray(frame.rgb).resize((width, height), reducing_gap=2.0))
    faces = tuple(replace(seen, face=scaled(seen.face, factor * frame.scale)) for seen in result.faces)
    return Preview(frame.time_s, small, faces)


def _preview(frame: Frame, result: FrameResult) -> Preview:
    step = max(1, -(-max(frame.rgb.shape[:2]) // PREVIEW_SIDE_PX))
    small = np.ascontiguousarray(frame.rgb[::step, ::step])
    factor = frame.scale / step
    faces = tuple(replace(seen, face=scaled(seen.face, factor)) for seen in result.faces)
    return Preview(frame.time_s, small, faces)
