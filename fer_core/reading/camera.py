"""Whether recordings are similar enough to be compared: a camera's figures, and when they differ too much.

A camera can change the labels of an unchanged face, so a new one starts a new line. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median

ENOUGH_PX = 48.0
"""The model sees a face at 48 px, so that beyond this width nothing changes."""
WIDTH_RATIO = 1.25
"""More than this between two median widths, each counted up to `ENOUGH_PX`, is another camera or distance."""
SHARPNESS_RATIO, LIGHT_RATIO, PIXELS_RATIO = 2.5, 2.0, 1.5
"""Sharpness is compared as it would be in equal light: less light makes all differences in a picture smaller."""
BITS_RATIO = 2.0
"""Above what the halves of one clip differ by (a log sd of 12 %). Scenes of one person at one quality differ by more
(32 %), so a camera of constant quality may begin a line that it doesn't need. JPEG of quality 20 has a quarter of the
bits of quality 90, x264 doubles them with every 6 steps."""


@dataclass(frozen=True, slots=True)
class Camera:
    """How a recording was made, None where it isn't known.

    `face_px`: median width of the usable faces in px. `sharpness`, `brightness`: their medians, see
    `fer_core.types.Quality`. `pixels`: of a whole frame. `codec`: of the video. `bits_per_pixel`: of the file.
    """

    face_px: float | None = None
    sharpness: float | None = None
    brightness: float | None = None
    pixels: float | None = None
    codec: str | None = None
    bits_per_pixel: float | None = None


def difference(before: Sequence[Camera], now: Camera) -> str | None:
    """Return how a recording was made differently from those before it, None if it was made in the same way.

    ``"codec"``, ``"resolution"``, ``"face size"``, ``"light"``, ``"sharpness"`` or ``"compression"``. It is
    compared with the median of all before it in its line, so that a slow drift is noticed too. What isn't known on one
    side doesn't differ.
    """
    usual = _usual(before)
    if usual.codec is not None and now.codec is not None and usual.codec != now.codec:
        return "codec"
    if _ratio(usual.pixels, now.pixels) > PIXELS_RATIO:
        return "resolution"
    if _ratio(_seen_px(usual.face_px), _seen_px(now.face_px)) > WIDTH_RATIO:
        return "face size"
    if _ratio(usual.brightness, now.brightness) > LIGHT_RATIO:
        return "light"
    if _ratio(_in_equal_light(usual), _in_equal_light(now)) > SHARPNESS_RATIO:
        return "sharpness"
    return "compression" if _ratio(usual.bits_per_pixel, now.bits_per_pixel) > BITS_RATIO else None


def _usual(cameras: Sequence[Camera]) -> Camera:
    known = {
        field.name: [value for camera in cameras if (value := getattr(camera, field.name)) is not None]
        for field in fields(Camera)
    }
    figures = {name: median(values) if values else None for name, values in known.items() if name != "codec"}
    return Camera(**figures, codec=known["codec"][-1] if known["codec"] else None)


def _seen_px(face_px: float | None) -> float | None:
    return None if face_px is None else min(face_px, ENOUGH_PX)


def _in_equal_light(camera: Camera) -> float | None:
    if camera.sharpness is None or not camera.brightness:
        return None
    return camera.sharpness / camera.brightness**2


def _ratio(first: float | None, second: float | None) -> float:
    """Return how many times the larger of two figures is the smaller; 1 where one isn't known."""
    if not first or not second:
        return 1.0
    return max(first / second, second / first)
