"""From a file to results: frames, faces, crops, probabilities, in batches and chunks, so that memory is bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_core.carry import Json
from fer_core.device import share_cores
from fer_core.emotions import Emotion
from fer_core.faces.detector import NAME as DETECTOR_NAME
from fer_core.faces.detector import Detector
from fer_core.faces.following import scaled
from fer_core.heap import give_back_large_blocks
from fer_core.looking import CLASSIFY_FRAMES, PassStart, Seen, batched, crops_of, framings_of, look
from fer_core.media import video
from fer_core.media.image import read_picture
from fer_core.media.passage import DecodeStats, Span
from fer_core.media.prefetch import prefetch
from fer_core.media.source import Source, size_bytes
from fer_core.media.verdict import only_first
from fer_core.model.classifier import Classifier
from fer_core.previews import picture_preview, preview_of
from fer_core.segments import End, Joiner, SegmentPart
from fer_core.types import (
    AnalysisSettings,
    Box,
    Chunk,
    FaceExpression,
    Frame,
    FrameResult,
    Progress,
    RecordingAnalysis,
    Status,
    VideoInfo,
)

WORK_SIDE_PX = 1280
"""Frames are made smaller to this longer side: MTCNN's work grows with the area, and a face needs 48 px."""
PICTURE_SIDE_PX = 4608
"""The same for pictures: as large as those of 16 megapixels; one of 50 would take 17 s."""

OnProgress = Callable[[Progress], None]


class Analyzer:
    """A classifier and a detector that analyse files; independent of tables and pages."""

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
        give_back_large_blocks()
        return cls(Classifier.load(card, device), Detector(device))

    def analyze_image(self, source: Source) -> RecordingAnalysis:
        """Return the faces of a picture with their probabilities; one result, at index 0 and time 0.

        Of an animation or pages the first is read; `skipped_frames` says how many others there are.

        Raises MediaError for a file that is no readable picture.
        """
        # A video that this analyzer works on pauses meanwhile: a user is waiting for the picture's result.
        self._videos_go.clear()
        try:
            return self._image(source)
        finally:
            self._videos_go.set()

    def _image(self, source: Source) -> RecordingAnalysis:
        picture = read_picture(source, PICTURE_SIDE_PX)
        width, height = picture.width_px, picture.height_px
        frame = Frame(0, 0.0, picture.rgb, max(picture.rgb.shape[:2]) / max(width, height))
        found = self.detector.detect([frame.rgb], both_ways=True)[0]
        faces = [replace(face, track=number) for number, face in enumerate(found)]
        seen = Seen(frame, faces, *crops_of(frame, faces))
        seen.framings = framings_of(frame, faces, seen.reasons)
        [result] = self._label([seen])
        info = VideoInfo(width, height, None, None, bits_per_pixel=8 * size_bytes(source) / (width * height))
        analysis = self._analysis(info, (result,), self.settings)
        warnings = (only_first(1 + picture.further),) if picture.further else ()
        preview = picture_preview(frame, result)
        return replace(analysis, skipped_frames=picture.further, warnings=warnings, preview=preview)

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
        video that the patient's face covers when it is first there; other faces are then neither labelled nor reported.
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
        begun = PassStart.fresh(self.detector, patient) if resume is None else PassStart.resumed(self.detector, resume)
        # Decoding, finding and labelling let each other work: all three release the interpreter.
        decoded = prefetch(video.frames(source, every_s, WORK_SIDE_PX, stats, begun.after, span, info))
        first = last = None
        luma = ""
        waiting: list[Seen] = []
        results: list[FrameResult] = []
        # Closed at once where the loop is left, for the first thread reads from a file that the caller may close then.
        found = prefetch(batched(look(decoded, begun, every_s, self._videos_go)), depth=2 * CLASSIFY_FRAMES)
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
                preview, waiting = preview_of(seen.frame, results[-1]), []
                if seen.resume is not None:
                    found_so_far = Chunk(
                        tuple(results), info, preview, stats.damaged, False, seen.resume, stats.skipped
                    )
                    yield SegmentPart(found_so_far, first, luma=luma)
                    results, first = [], None
        newest = waiting[-1].frame if waiting else None
        results += self._label(waiting)
        preview_at_end = preview_of(newest, results[-1]) if newest is not None else None
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

    def _label(self, seen: Sequence[Seen]) -> list[FrameResult]:
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

    def _expressions(self, seen: Seen, probabilities: Iterator[NDArray[np.float32]]) -> Iterator[FaceExpression]:
        mouths = seen.mouths or [None] * len(seen.faces)
        otherwise = iter(seen.framings)
        for face, reason, mouth in zip(seen.faces, seen.reasons, mouths, strict=True):
            whole = scaled(face, 1 / seen.frame.scale)
            if reason is not None:
                yield FaceExpression(whole, reason, None)
                continue
            found = next(probabilities)
            label = self._labels(found[None])
            status = Status.OK if label[0] < len(Emotion) else Status.UNCERTAIN
            framings = next(otherwise, None)
            kept = None if framings is None else self._kept(label, framings)
            yield FaceExpression(whole, status, tuple(float(value) for value in found), mouth, kept)

    def _kept(self, label: NDArray[np.int64], framings: NDArray[np.uint8]) -> float:
        """Return the share of a face's framings that have its label, "uncertain" being one, 0 to 1."""
        return float((self._labels(self.classifier.probabilities(framings)) == label).mean())

    def _labels(self, found: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return labels (N,) in `Emotion` order, then uncertain, for outputs (N, 7)."""
        certain = found.max(axis=1) >= self.settings.uncertain_below
        return np.where(certain, found.argmax(axis=1), len(Emotion))


def _teller(joiner: Joiner, on_progress: OnProgress | None) -> OnProgress | None:
    """Return a callback that reports a segment's progress as the recording's."""
    return None if on_progress is None else lambda at: on_progress(joiner.of_recording(at))


def _end(stats: DecodeStats, begun: PassStart, last: Frame | None) -> End:
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
    """Return the video's metadata with its true length.

    For joined recordings the header has that of one alone; what a browser records states none: it ends with its last
    picture.
    """
    if info.duration_s is None:
        return replace(info, duration_s=end_s) if end_s > 0 else info
    if end_s <= info.duration_s:
        return info
    return replace(info, duration_s=end_s + step_s)
