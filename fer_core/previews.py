"""Small pictures of what an analysis sees, to be shown while it goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from fer_core.faces.following import scaled
from fer_core.types import Frame, FrameResult, Preview

PREVIEW_SIDE_PX = 640


def picture_preview(frame: Frame, result: FrameResult) -> Preview:
    """Return a picture made small with care: nobody waits for the next one, as in a video."""
    longest = max(frame.rgb.shape[:2])
    factor = min(1.0, PREVIEW_SIDE_PX / longest)
    height, width = (max(1, round(side * factor)) for side in frame.rgb.shape[:2])
    # Most of the way by whole numbers, which takes a tenth of the time for the picture of a phone.
    small = np.asarray(Image.fromarray(frame.rgb).resize((width, height), reducing_gap=2.0))
    faces = tuple(replace(seen, face=scaled(seen.face, factor * frame.scale)) for seen in result.faces)
    return Preview(frame.time_s, small, faces)


def preview_of(frame: Frame, result: FrameResult) -> Preview:
    """Return a frame of a video made small in little time, with its faces."""
    step = max(1, -(-max(frame.rgb.shape[:2]) // PREVIEW_SIDE_PX))
    small = np.ascontiguousarray(frame.rgb[::step, ::step])
    factor = frame.scale / step
    faces = tuple(replace(seen, face=scaled(seen.face, factor)) for seen in result.faces)
    return Preview(frame.time_s, small, faces)
