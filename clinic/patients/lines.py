"""The lines of a trend: which recordings can be compared, by model, kind, sampling and camera."""

from __future__ import annotations

from dataclasses import dataclass

from db.models import Recording
from fer_core.reading import camera
from fer_core.reading.camera import Camera
from fer_core.reading.usual import BASELINE

_Way = tuple[str | None, str, float | None]


@dataclass(slots=True)
class Line:
    """Recordings that can be compared: how they were analysed, and the cameras of those that make the baseline."""

    way: _Way
    cameras: list[Camera]

    def difference(self, recording: Recording) -> str | None:
        """Return why a recording can't be compared with this line's, None where it can."""
        for what, own, other in zip(("model", "kind", "sampling"), self.way, _way(recording), strict=True):
            if own != other:
                return what
        return camera.difference(self.cameras, _camera(recording))

    def add(self, recording: Recording, counts: bool) -> None:
        """Take a recording in. The others must have been made as those that make the usual range were."""
        if not self.cameras or (counts and len(self.cameras) < BASELINE):
            self.cameras.append(_camera(recording))


def line_of(lines: list[Line], before: int, recording: Recording) -> tuple[int, str | None]:
    """Return the number of a recording's line, and why it is a new one, which is added; None where it isn't.

    It is a line with which it can be compared: first one that has its baseline, of those that of the recording before,
    `before`. So one dark session, or two rooms in turn, do not cost the baseline.
    """
    for number in sorted(range(len(lines)), key=lambda one: (-len(lines[one].cameras), one != before, -one)):
        if lines[number].difference(recording) is None:
            return number, None
    what = lines[before].difference(recording) if lines else None
    lines.append(Line(_way(recording), []))
    return len(lines) - 1, what


def _way(recording: Recording) -> _Way:
    """Return how a recording was analysed: model, kind and sampling."""
    return recording.model_sha256, recording.kind, recording.settings.get("every_s")


def _camera(recording: Recording) -> Camera:
    summary = recording.summary or {}
    pixels = recording.width_px * recording.height_px if recording.width_px and recording.height_px else None
    return Camera(
        face_px=summary.get("face_px"),
        sharpness=summary.get("sharpness"),
        brightness=summary.get("brightness"),
        pixels=pixels,
        codec=recording.codec,
        bits_per_pixel=recording.bits_per_pixel,
    )
