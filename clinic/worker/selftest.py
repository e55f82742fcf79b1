"""The self-test: the whole core, from a file to probabilities, on one small clip that is drawn in code."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import av
import numpy as np

from clinic.recordings import uploads
from clinic.settings import Settings
from clinic.worker.drawn_face import draw_face, empty_room
from db.faults import explained
from db.models import new_id
from db.room import DiskFullError, disk_full
from fer_core.errors import FerError
from fer_core.types import RGB, FrameResult

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

FRAMES_PER_S = 10
FACE_S, EMPTY_S = 2, 1
TIME_TOLERANCE_S = 0.05


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """Whether the installation is sound, and a sentence that says so or says what is wrong."""

    sound: bool
    sentence: str


def check(open_analyzer: Callable[[], Analyzer], settings: Settings) -> SelfTestResult:
    """Analyse the drawn clip with the installed model and compare it with what is in it.

    The clip goes the way of every recording, through the media store: a machine of a cluster reads it there.
    Raises DiskFullError.
    """
    try:
        with _stored_clip(settings) as clip:
            analysis = open_analyzer().analyze_video(clip, every_s=0.2)
    except FerError as error:
        return SelfTestResult(False, f"The self-test failed: {error.message}")
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        if disk_full(error):
            raise DiskFullError from error
        if isinstance(error, OSError) and (known := explained(error)) is not None:
            return SelfTestResult(False, f"The self-test failed: {known.message}")
        return SelfTestResult(
            False, f"The self-test failed ({type(error).__name__}): please install the program again."
        )
    wrong = _wrong(analysis.results)
    return SelfTestResult(wrong is None, f"The self-test failed: {wrong}" if wrong else "The self-test passed.")


@contextmanager
def _stored_clip(settings: Settings) -> Iterator[BinaryIO]:
    """Put the clip into the media store for a while, and open it there."""
    clip_id = new_id()
    try:
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / "selftest.mp4"
            write_clip(clip, _pictures())
            uploads.put(settings, clip, clip_id)
        with uploads.open_stored(settings, clip_id) as file:
            yield file
    finally:
        uploads.discard(settings, [clip_id])


def write_clip(path: Path, pictures: Iterable[RGB], frames_per_s: int = FRAMES_PER_S) -> None:
    """Write RGB pictures of one size as an MP4 video (MPEG-4 part 2, which every build of FFmpeg can write)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=frames_per_s)
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        for index, rgb in enumerate(pictures):
            if index == 0:
                stream.height, stream.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, frames_per_s)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _pictures() -> Iterable[RGB]:
    """Yield two seconds of a face that begins to smile, then a second without anyone."""
    faces = FACE_S * FRAMES_PER_S
    for index in range(faces):
        yield draw_face(smile=index / faces, shift_px=index - faces // 2)
    for _ in range(EMPTY_S * FRAMES_PER_S):
        yield empty_room()


def _wrong(results: tuple[FrameResult, ...]) -> str | None:
    """Return what of the analysis is not as it must be, or None."""
    # The samples at the change of scene are left out: which side they fall on is a matter of rounding.
    shown = [result for result in results if result.time_s < FACE_S - 0.2]
    empty = [result for result in results if result.time_s > FACE_S + 0.2]
    if len(shown) < 8 or len(empty) < 2:
        return "the video was not read to its end."
    if any(abs(later.time_s - sooner.time_s - 0.2) > TIME_TOLERANCE_S for sooner, later in pairwise(shown)):
        return "the times of the video are wrong."
    if sum(len(result.faces) == 1 for result in shown) < 0.8 * len(shown):
        return "the face in the clip was not found."
    if any(result.faces for result in empty):
        return "a face was found in a picture without one."
    read = [face for result in shown for face in result.faces if face.probabilities is not None]
    if len(read) < 0.5 * len(shown):
        return "the face in the clip could not be read."
    if not all(np.isfinite(face.probabilities).all() for face in read if face.probabilities is not None):
        return "the model gives no numbers on this device."
    return None
