"""The ways of analysing a video that are compared; each runs in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.media import video
from fer_core.types import FrameResult

Seen = list[dict[str, Any]]
"""One entry a frame: ``time_s`` and ``faces``, each with ``box`` (left, top, right, bottom), ``confidence`` and
``probabilities`` (7, or None)."""


Way = Callable[[Path, float], Seen]


def decode() -> Way:
    """Decode every frame and do nothing with it: the limit."""
    return _decode


def _decode(path: Path, every_s: float) -> Seen:  # noqa: ARG001 the same form as the others
    import av

    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return [{"time_s": frame.time, "faces": []} for frame in container.decode(video=0)]


def ours() -> Way:
    """This program's analyzer as the app uses it."""
    from fer_core.analyzer import Analyzer

    analyzer = Analyzer.open()

    def analyze(path: Path, every_s: float) -> Seen:
        return [_moment(result) for chunk in analyzer.stream_video(path, every_s) for result in chunk.results]

    return analyze


def _moment(result: FrameResult) -> dict[str, Any]:
    faces = [
        {
            "box": [face.face.box.left, face.face.box.top, face.face.box.right, face.face.box.bottom],
            "confidence": face.face.confidence,
            "probabilities": face.probabilities,
            "track": face.face.track,
            "status": face.status.value,
        }
        for face in result.faces
    ]
    return {"time_s": result.time_s, "faces": faces}


def plain() -> Way:
    """facenet-pytorch's MTCNN on each whole frame, one by one, then the same classifier, face by face."""
    from facenet_pytorch import MTCNN

    from fer_core.faces.preprocess import crop_faces
    from fer_core.model.classifier import Classifier
    from fer_core.types import Box

    classifier = Classifier.load()
    detector = MTCNN(keep_all=True, min_face_size=40, device=classifier.device)

    def analyze(path: Path, every_s: float) -> Seen:
        seen: Seen = []
        for frame in video.frames(path, every_s):
            boxes, confidences = detector.detect(frame.rgb)
            faces: list[dict[str, Any]] = []
            for box, confidence in zip(boxes if boxes is not None else [], confidences, strict=False):
                corners = [float(value) for value in box]
                [found] = classifier.probabilities(crop_faces(frame.rgb, [Box(*corners)]))
                faces.append({"box": corners, "confidence": float(confidence), "probabilities": found.tolist()})
            seen.append({"time_s": frame.time_s, "faces": faces})
        return seen

    return analyze


def fer_package() -> Way:
    """The `fer` package's detector on each frame (requirements-bench.txt). Raises ImportError where it isn't there."""
    from fer.fer import FER

    detector = FER(mtcnn=False)

    def analyze(path: Path, every_s: float) -> Seen:
        seen: Seen = []
        for frame in video.frames(path, every_s):
            faces = []
            for face in detector.detect_emotions(np.ascontiguousarray(frame.rgb[..., ::-1])):
                left, top, width, height = (float(value) for value in face["box"])
                box = [left, top, left + width, top + height]
                faces.append({"box": box, "confidence": 1.0, "probabilities": None})
            seen.append({"time_s": frame.time_s, "faces": faces})
        return seen

    return analyze


WAYS: dict[str, Callable[[], Way]] = {
    "decoding alone": decode,
    "ours": ours,
    "MTCNN frame by frame": plain,
    "fer": fer_package,
}
