"""One camera looked at live: every face is found and followed, and only the one that was chosen is labelled.

A picture is decoded, looked at and forgotten; nothing is kept but where faces were a moment ago.
"""

from __future__ import annotations

import math
from types import TracebackType
from typing import Any

import numpy as np

from fer_core.analyzer import Analyzer
from fer_core.faces.following import Follower
from fer_core.faces.preprocess import CROP_SIDE
from fer_core.faces.quality import DARK_BELOW
from fer_core.looking import crops_of
from fer_core.media.annotate import BANDS
from fer_core.media.camera import CameraReader
from fer_core.types import RGB, Face, FaceExpression, Frame, Status

SEARCH_EVERY_S = 0.5
"""Somebody who comes in beside a face that is followed is seen within this time: others are to be pixelated."""
STEP_S, PAUSE_S = 0.5, 5.0
"""A pause between two pictures counts as no more than the first, unless it is longer than the second."""
COMFORTABLE_PX = 48
"""A smaller face is readable, but enlarged for the model, which takes 48 px; coming closer helps."""
HINTS: dict[Status, str] = {
    Status.TOO_SMALL: "Come closer",
    Status.DARK: "More light from the front",
    Status.BLURRED: "Hold still, or wipe the camera",
    Status.PROFILE: "Face the camera",
    Status.PARTIAL: "Move into the picture",
}
"""What helps where a face can't be read."""


class LiveView:
    """The faces before one camera. For one thread at a time; to be closed."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        # The first call prepares the network, which may take longer than a face is remembered.
        analyzer.classifier.probabilities(np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8))
        self._reader = CameraReader()
        self._follower = Follower(analyzer.detector, SEARCH_EVERY_S)
        self._chosen: int | None = None
        self._time_s, self._came_s = 0.0, float("-inf")
        self._size = (0, 0)

    def __enter__(self) -> LiveView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process that decodes."""
        self._reader.close()

    def choose(self, track: int | None) -> None:
        """Label the face of this number from now on, and no other; None: nobody's."""
        self._chosen = track

    def look(self, jpeg: bytes, time_s: float) -> dict[str, Any]:
        """Return the answer for a picture, in JSON form; `time_s`: seconds of a clock that goes forward.

        ``faces``: number, box in px and whether it is the chosen one; that one has ``status``, ``hint``, ``label`` (a
        place in `Emotion`), ``band`` and ``probabilities`` too. ``chosen``: the number, None while nobody is chosen or
        when the chosen face has been gone for too long to be recognised again. ``hint``: what helps where no face is
        seen, or empty. Raises MediaError.
        """
        rgb = self._reader.read(jpeg)
        faces = self._faces(rgb, time_s)
        chosen = next((face for face in faces if face.track == self._chosen), None)
        if chosen is None and self._chosen not in self._follower.numbers:
            self._chosen = None
        described = [{"number": face.track, "box": _box(face), "chosen": face is chosen} for face in faces]
        for one, face in zip(described, faces, strict=True):
            if face is chosen:
                one |= self._expression(rgb, face)
        hint = HINTS[Status.DARK] if not faces and rgb.mean() < DARK_BELOW else ""
        height, width = rgb.shape[:2]
        return {"width": width, "height": height, "faces": described, "chosen": self._chosen, "hint": hint}

    def _faces(self, rgb: RGB, time_s: float) -> list[Face]:
        if rgb.shape[:2] != self._size:
            # Another camera, or one that was turned: places of before say nothing.
            self._follower = Follower(self._analyzer.detector, SEARCH_EVERY_S)
            self._size, self._chosen = rgb.shape[:2], None
        since, self._came_s = time_s - self._came_s, time_s
        # While a busy computer looked at nothing, nobody was seen to leave; after a longer pause nobody is known again.
        self._time_s += min(max(since, 1e-3), STEP_S) if since < PAUSE_S else since if math.isfinite(since) else 0.0
        return self._follower.faces(self._time_s, rgb)

    def _expression(self, rgb: RGB, face: Face) -> dict[str, Any]:
        faces = [face]
        crops, [reason] = crops_of(Frame(0, 0.0, rgb), faces)
        probabilities = None
        if reason is None:
            [found] = self._analyzer.classifier.probabilities(crops)
            probabilities = tuple(float(value) for value in found)
            certain = max(probabilities) >= self._analyzer.settings.uncertain_below
            reason = Status.OK if certain else Status.UNCERTAIN
        seen = FaceExpression(faces[0], reason, probabilities)
        return {
            "status": seen.status.value,
            "hint": _hint(seen),
            "label": int(seen.emotion) if seen.emotion is not None else None,
            "band": _band(probabilities),
            "probabilities": probabilities,
        }


def _box(face: Face) -> list[float]:
    box = face.box
    return [round(side, 1) for side in (box.left, box.top, box.right, box.bottom)]


def _hint(seen: FaceExpression) -> str:
    quality = seen.face.quality
    if seen.status.usable and quality is not None and quality.size_px < COMFORTABLE_PX:
        return HINTS[Status.TOO_SMALL]
    return HINTS.get(seen.status, "")


def _band(probabilities: tuple[float, ...] | None) -> str:
    if probabilities is None:
        return ""
    return next(name for least, name in BANDS if max(probabilities) >= least)
