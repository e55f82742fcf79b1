"""From a file to results: frames, faces, crops, probabilities, in batches and chunks, so that memory is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_core import quality, video
from fer_core.classifier import Classifier
from fer_core.detector import NAME as DETECTOR_NAME
from fer_core.detector import Detector
from fer_core.following import Follower, scaled
from fer_core.image import read_image
from fer_core.prefetch import prefetch
from fer_core.preprocess import crop_faces
from fer_core.source import Source
from fer_core.types import (
    RGB,
    AnalysisSettings,
    Face,
    FaceExpression,
    Frame,
    FrameResult,
    Progress,
    RecordingAnalysis,
    Status,
    VideoInfo,
)

CHUNK_S = 10.0
CLASSIFY_FRAMES = 32
"""The faces of so many frames are labelled at once."""
WORK_SIDE_PX = 1280
"""Frames are made smaller to this longer side: MTCNN's work grows with the area, and a face needs 48 px."""
PREVIEW_SIDE_PX = 640

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Preview:
    """A sampled frame to look at: (H, W, 3) uint8 RGB of at most `PREVIEW_SIDE_PX`, faces with boxes in its px."""

    time_s: float
    rgb: RGB
    faces: tuple[FaceExpression, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """About `CHUNK_S` seconds of results, and what the pass knows so far.

    `damaged_frames` and `partial` are those of the whole file in the last chunk.
    """

    results: tuple[FrameResult, ...]
    info: VideoInfo
    preview: Preview | None = None
    damaged_frames: int = 0
    partial: bool = False


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

    @classmethod
    def open(cls, card: Path | None = None, device: str | None = None) -> Analyzer:
        """Load the shipped model (or another by its card) and the detector onto the best device. Raises ModelError."""
        return cls(Classifier.load(card, device), Detector(device))

    def analyze_image(self, source: Source) -> RecordingAnalysis:
        """Return the faces of a picture with their probabilities; one result, at index 0 and time 0.

        Raises MediaError for a file that is no readable picture.
        """
        rgb = read_image(source)
        height, width = rgb.shape[:2]
        frame = Frame(0, 0.0, rgb)
        found = self.detector.detect([rgb])[0]
        faces = [replace(face, track=number) for number, face in enumerate(found)]
        [result] = self._label([_Seen(frame, faces, *_crops(frame, faces))])
        return self._analysis(VideoInfo(width, height, None, None), (result,), self.settings)

    def analyze_video(
        self, source: Source, every_s: float = 0.2, on_progress: OnProgress | None = None
    ) -> RecordingAnalysis:
        """Return everything found in a video; see `stream_video` for long ones."""
        chunks = list(self.stream_video(source, every_s, on_progress))
        results = tuple(result for chunk in chunks for result in chunk.results)
        settings = replace(self.settings, every_s=every_s)
        last = chunks[-1]
        return self._analysis(last.info, results, settings, last.damaged_frames, last.partial)

    def stream_video(
        self, source: Source, every_s: float = 0.2, on_progress: OnProgress | None = None
    ) -> Iterator[Chunk]:
        """Yield the results of a video in chunks of about `CHUNK_S`, in one pass forward; at least one chunk.

        `every_s`: seconds between samples, 0 for every frame. `on_progress` is called for each sample; what it
        raises (`Cancelled`, for one) ends the analysis. Raises MediaError for a file that is no readable video.
        """
        info = video.probe(source)
        stats = video.DecodeStats()
        follower = Follower(self.detector)
        waiting: list[_Seen] = []
        results: list[FrameResult] = []
        begun_s = 0.0
        # Decoding and the networks let each other work: both release the interpreter.
        # Closed at once where the loop is left, for the thread reads from a file that the caller may close then.
        with closing(prefetch(video.frames(source, every_s, WORK_SIDE_PX, stats))) as decoded:
            for samples, frame in enumerate(decoded, start=1):
                faces = follower.faces(frame.time_s, frame.rgb, frame.scale)
                if waiting:
                    # The newest frame alone is kept whole, for the preview.
                    waiting[-1].frame = replace(waiting[-1].frame, rgb=_NOTHING)
                waiting.append(_Seen(frame, faces, *_crops(frame, faces)))
                if on_progress is not None:
                    on_progress(Progress(frame.time_s, info.duration_s, samples))
                ends = frame.time_s - begun_s >= CHUNK_S
                if not ends and len(waiting) < CLASSIFY_FRAMES:
                    continue
                results += self._label(waiting)
                preview, waiting = _preview(frame, results[-1]), []
                if ends:
                    yield Chunk(tuple(results), info, preview, stats.damaged, stats.partial)
                    results, begun_s = [], frame.time_s
        newest = waiting[-1].frame if waiting else None
        results += self._label(waiting)
        preview_at_end = _preview(newest, results[-1]) if newest is not None else None
        yield Chunk(tuple(results), info, preview_at_end, stats.damaged, stats.partial)

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
        return [
            FrameResult(one.frame.index, one.frame.time_s, tuple(self._expressions(one, probabilities))) for one in seen
        ]

    def _expressions(self, seen: _Seen, probabilities: Iterator[NDArray[np.float32]]) -> Iterator[FaceExpression]:
        for face, reason in zip(seen.faces, seen.reasons, strict=True):
            whole = scaled(face, 1 / seen.frame.scale)
            if reason is not None:
                yield FaceExpression(whole, reason, None)
                continue
            found = next(probabilities)
            certain = float(found.max()) >= self.settings.uncertain_below
            status = Status.OK if certain else Status.UNCERTAIN
            yield FaceExpression(whole, status, tuple(float(value) for value in found))


_NOTHING = np.empty((0, 0, 3), np.uint8)


@dataclass(slots=True)
class _Seen:
    """A frame with its faces, their crops (N, 48, 48), and the reason why each can't be read, or None."""

    frame: Frame
    faces: Sequence[Face]
    crops: NDArray[np.uint8]
    reasons: Sequence[Status | None]


def _crops(frame: Frame, faces: list[Face]) -> tuple[NDArray[np.uint8], list[Status | None]]:
    """Cut the faces out, and put their quality into `faces`."""
    crops = crop_faces(frame.rgb, [face.box for face in faces])
    height, width = frame.rgb.shape[:2]
    measured = quality.measure(crops, faces, width, height, frame.scale)
    faces[:] = [replace(face, quality=found) for face, found in zip(faces, measured, strict=True)]
    return crops, [quality.verdict(found) for found in measured]


def _preview(frame: Frame, result: FrameResult) -> Preview:
    step = max(1, -(-max(frame.rgb.shape[:2]) // PREVIEW_SIDE_PX))
    small = np.ascontiguousarray(frame.rgb[::step, ::step])
    factor = frame.scale / step
    faces = tuple(replace(seen, face=scaled(seen.face, factor)) for seen in result.faces)
    return Preview(frame.time_s, small, faces)
