"""A copy of a video to look at: boxes, labels and how sure the model was, with other people made unrecognisable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_core.media import video
from fer_core.media.pixelate import show_alone
from fer_core.media.source import Source
from fer_core.types import RGB, FaceExpression, Frame, FrameResult

SIDE_PX = 1280
NOBODY = -1
"""The number of no track: of a copy in which nobody may be recognised."""
BANDS = ((0.75, "high"), (0.5, "medium"), (0.0, "low"))
"""Lowest top probability of each band of the model's output."""
_TIME_BASE = Fraction(1, 90_000)
_COLOR, _UNSURE, _SHADE = "#ffd166", "#bbbbbb", "#222222"


def annotate(
    path: Source,
    results: Sequence[FrameResult],
    target: Path | BinaryIO,
    patient: int | None = None,
    held_s: float = math.inf,
    report: Callable[[float], None] = lambda _: None,
) -> None:
    """Write a copy of a video as MP4 (H.264, no sound) with what was found in it, at the video's own times.

    Each frame shows the newest sample before it, for `held_s` seconds at most. With `patient` (a track, or `NOBODY`)
    everything but that face is pixelated, found or not, and the others are unlabelled. `target`: a path, or a file that
    is written from its start to its end. `report` gets each frame's time in seconds, and may raise.

    Raises MediaError for a file that is no readable video.
    """
    to = str(target) if isinstance(target, Path) else target
    # In fragments, where the file's head can't be written when everything is known.
    options = {} if isinstance(target, Path) else {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(to, "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", options={"preset": "veryfast", "crf": "23"})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TIME_BASE
        for number, (frame, result) in enumerate(_with_results(path, results)):
            report(frame.time_s)
            if result is not None and frame.time_s - result.time_s > held_s:
                result = None
            picture = draw(frame.rgb, result.faces if result else (), frame.scale, patient)
            if number == 0:
                # H.264 in 4:2:0 needs even sides.
                stream.height, stream.width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
            shown = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(picture[: stream.height, : stream.width]), format="rgb24"
            )
            shown.pts, shown.time_base = round(frame.time_s / _TIME_BASE), _TIME_BASE
            container.mux(stream.encode(shown))
        container.mux(stream.encode())


def draw(rgb: RGB, faces: Sequence[FaceExpression], scale: float = 1.0, patient: int | None = None) -> RGB:
    """Return a picture with boxes and labels; boxes are in px of the original, `scale` px of `rgb` for each of them.

    `patient` as in `annotate`: so a bystander whom the detector missed can't be recognised either.
    """
    picture = Image.fromarray(rgb)
    if patient is not None:
        own = [face.face.box.scaled(scale) for face in faces if face.face.track == patient]
        show_alone(picture, own, [face.face.box.scaled(scale) for face in faces if face.face.track != patient])
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=max(12, picture.width // 50))
    for face in faces:
        if patient is None or face.face.track == patient:
            _label(pen, font, face, scale)
    return np.asarray(picture)


def caption(face: FaceExpression) -> str:
    """Return the text at a face: its label and the band of the model's output, or why there is no label."""
    if face.emotion is None or face.probabilities is None:
        return face.status.value.replace("_", " ")
    top = max(face.probabilities)
    return f"{face.emotion.label}-like, {next(name for least, name in BANDS if top >= least)}"


def _with_results(path: Source, results: Sequence[FrameResult]) -> Iterator[tuple[Frame, FrameResult | None]]:
    """Yield each frame with the newest sample that is not after it."""
    current = -1
    for frame in video.frames(path, 0, SIDE_PX):
        while current + 1 < len(results) and results[current + 1].time_s <= frame.time_s + 1e-6:
            current += 1
        yield frame, results[current] if current >= 0 else None


def _label(
    pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, face: FaceExpression, scale: float
) -> None:
    color = _COLOR if face.emotion is not None else _UNSURE
    box = face.face.box.scaled(scale)
    pen.rectangle((box.left, box.top, box.right, box.bottom), outline=color, width=2)
    text = caption(face)
    x0, y0, x1, y1 = pen.textbbox((box.left, box.bottom + 2), text, font=font)
    pen.rectangle((x0 - 2, y0 - 2, x1 + 2, y1 + 2), fill=_SHADE)
    pen.text((box.left, box.bottom + 2), text, fill=color, font=font)
