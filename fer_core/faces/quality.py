"""How well a face can be read, and the reason where it can't.

At the thresholds of size, light and sharpness, agreement with FER2013's labels has fallen from 70 % to between 55 and
65 %; a quarter of a face cut off costs 2 points, and what a turned head costs is not known. More than 99 % of FER2013's
own faces pass. A lower bar gives more samples and more wrong labels: docs/quality.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_core.types import Face, Quality, Status

TOO_SMALL_PX = 24.0
"""Shorter side of the box: FER2013's crops are 48 px, and half of that still keeps most labels."""
DARK_BELOW = 25.0
"""Mean grey level of the crop, 0 to 255."""
BLURRED_BELOW = 100.0
"""Variance of the Laplacian of the 48 px crop; the softest 0.1 % of FER2013's faces lie below 190."""
PROFILE_ABOVE_DEG = 45.0
"""Turn of the head to either side."""
OUTSIDE_ABOVE = 0.25
"""Share of the box outside the picture."""

NOSE_PROTRUSION = 0.6
"""How far the nose stands out before the eyes, in distances of the eyes; about that of an average face."""
NOSE_HEIGHT = 0.58
"""Where the nose lies between eyes (0) and mouth (1) in a face that looks straight ahead."""


def measure(
    crops: NDArray[np.uint8], faces: Sequence[Face], width_px: float, height_px: float, scale: float = 1.0
) -> list[Quality]:
    """Return the quality of each face.

    `crops`: (N, 48, 48) uint8 grey of the faces; `width_px`, `height_px`: size of the picture that the boxes are in;
    `scale`: px of that picture per px of the original, so that sizes are given in px of the original.
    """
    if not faces:
        return []
    grey = crops.astype(np.float32)
    laplacian = (
        grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * grey[:, 1:-1, 1:-1]
    )
    sharpness, brightness = laplacian.var(axis=(1, 2)), grey.mean(axis=(1, 2))
    found = []
    for row, face in enumerate(faces):
        yaw, pitch, roll = pose(face.landmarks) if face.landmarks else (None, None, None)
        box = face.box
        wide = max(0.0, min(box.right, width_px) - max(box.left, 0.0))
        high = max(0.0, min(box.bottom, height_px) - max(box.top, 0.0))
        found.append(
            Quality(
                size_px=min(box.width, box.height) / scale,
                sharpness=float(sharpness[row]),
                brightness=float(brightness[row]),
                yaw_deg=yaw,
                pitch_deg=pitch,
                roll_deg=roll,
                outside=1.0 - wide * high / box.area,
            )
        )
    return found


def verdict(quality: Quality) -> Status | None:
    """Return why a face can't be read, None where it can. The first reason counts, in this order."""
    if quality.outside > OUTSIDE_ABOVE:
        return Status.PARTIAL
    if quality.size_px < TOO_SMALL_PX:
        return Status.TOO_SMALL
    if quality.brightness < DARK_BELOW:
        return Status.DARK
    if quality.yaw_deg is not None and abs(quality.yaw_deg) > PROFILE_ABOVE_DEG:
        return Status.PROFILE
    if quality.sharpness < BLURRED_BELOW:
        return Status.BLURRED
    return None


def pose(landmarks: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees, approximate (about 10 degrees), from the five landmarks.

    Yaw is positive where the nose points to the picture's right, pitch where it points up, roll where the head
    leans to the picture's right.
    """
    (lx, ly), (rx, ry), nose, mouth_left, mouth_right = landmarks
    roll = math.atan2(ry - ly, rx - lx)
    eyes = math.hypot(rx - lx, ry - ly) or 1e-6
    # From the middle of the eyes, in axes along the eyes and down the face.
    middle = ((lx + rx) / 2, (ly + ry) / 2)
    cos, sin = math.cos(roll), math.sin(roll)

    def along(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point[0] - middle[0], point[1] - middle[1]
        return x * cos + y * sin, y * cos - x * sin

    nose_x, nose_y = along(nose)
    mouth_x, mouth_y = along(((mouth_left[0] + mouth_right[0]) / 2, (mouth_left[1] + mouth_right[1]) / 2))
    # The eyes' distance shrinks with the cosine of the turn, the nose's offset grows with its sine.
    yaw = math.atan((nose_x - mouth_x * 0.5) / (NOSE_PROTRUSION * eyes))
    height = nose_y / mouth_y if abs(mouth_y) > 1e-6 else NOSE_HEIGHT
    pitch = math.atan((NOSE_HEIGHT - height) / NOSE_PROTRUSION)
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)
