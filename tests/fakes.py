"""Hand-written stand-ins for the core's slow parts."""

from types import SimpleNamespace

import numpy as np

from fer_core.types import Box, Face

STRAIGHT = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.603), (0.35, 0.75), (0.65, 0.75))
"""Landmarks of a face that looks straight ahead, in shares of its box."""


def face_at(left, top, side=100.0, confidence=0.99):
    """A face that looks straight ahead."""
    landmarks = tuple((left + x * side, top + y * side) for x, y in STRAIGHT)
    return Face(Box(left, top, left + side, top + side), confidence, landmarks)


class FakeDetector:
    """Finds the faces that `script(rgb)` says; counts searches and second looks."""

    min_face_px = 40

    def __init__(self, script):
        self.script = script
        self.searches = self.looks = 0

    def detect(self, frames, scale=1.0, *, both_ways=False):
        self.searches += 1
        return [self.script(rgb) for rgb in frames]

    def refind(self, frames, boxes):
        self.looks += 1
        return [
            [face for face in self.script(rgb) if any(face.box.iou(box) > 0.3 for box in known)]
            for rgb, known in zip(frames, boxes, strict=True)
        ]


class FakeClassifier:
    """Calls everything happy with `certainty`."""

    device_name = "a fake"

    def __init__(self, certainty=0.8):
        self.card = SimpleNamespace(sha256="f" * 64, uncertain_below=0.5)
        self.certainty = certainty
        self.batches = []

    def probabilities(self, crops):
        assert crops.shape[1:] == (48, 48)
        self.batches.append(len(crops))
        row = np.full(7, (1 - self.certainty) / 6, np.float32)
        row[3] = self.certainty
        return np.tile(row, (len(crops), 1))
