"""Hand-written stand-ins for the core."""

import io
import time
from types import SimpleNamespace

import numpy as np
from PIL import Image

from fer_core.types import (
    AnalysisSettings,
    Box,
    Face,
    FaceExpression,
    FrameResult,
    Preview,
    Progress,
    Status,
    VideoInfo,
)

PREVIEW = np.full((90, 160, 3), 90, np.uint8)


def expression(track=0, happy=0.7):
    """A face that was read, with `happy` and the rest neutral."""
    box = Box(20 + 60 * track, 20, 60 + 60 * track, 70)
    return FaceExpression(Face(box, 0.99, track=track), Status.OK, (0.0, 0.0, 0.0, happy, 0.0, 0.0, 1.0 - happy))


def result(index, *tracks, every_s=0.2):
    """A moment in which the faces of these tracks are seen, each with its own probabilities."""
    faces = tuple(expression(track, happy=0.7 - 0.1 * track) for track in tracks)
    return FrameResult(index, index * every_s, faces)


def blank_picture(value=0):
    """The bytes of a picture in one grey."""
    written = io.BytesIO()
    Image.new("L", (320, 240), value).save(written, "PNG")
    return written.getvalue()


def eventually(condition, within_s=120.0):
    """Wait until `condition` returns something true and return it; fail when it never does."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


class FakeAnalyzer:
    """Gives what its script says: chunks as lists of the tracks at each moment, errors to raise, functions to call."""

    def __init__(self, script=(), pictures=(), partial=False, damaged_frames=0, every_s=0.2):
        self.classifier = SimpleNamespace(card=SimpleNamespace(sha256="fake-model"), device_name="a fake")
        self.settings = AnalysisSettings()
        self.chunks_given = 0
        self._script, self._pictures = list(script), list(pictures)
        self._partial, self._damaged, self._every_s = partial, damaged_frames, every_s

    @staticmethod
    def progress(frames, total=None):
        return Progress(frames * 0.2, total, frames)

    def stream_video(self, source, every_s, on_progress=None, *, resume=None):
        assert source.read(1)
        done = resume or {"step": 0, "index": 0}
        moments = [moment for step in self._script if isinstance(step, list) for moment in step]
        info = VideoInfo(160, 90, len(moments) * self._every_s, 5.0, "fake", bits_per_pixel=0.25)
        index = done["index"]
        last = max((number for number, step in enumerate(self._script) if isinstance(step, list)), default=0)
        for number, step in list(enumerate(self._script))[done["step"] :]:
            if callable(step):
                step()
                continue
            if isinstance(step, Exception):
                raise step
            results = tuple(result(index + offset, *tracks) for offset, tracks in enumerate(step))
            index += len(step)
            if on_progress:
                on_progress(self.progress(index, info.duration_s))
            self.chunks_given += 1
            preview = SimpleNamespace(time_s=results[-1].time_s, rgb=PREVIEW, faces=results[-1].faces)
            yield SimpleNamespace(
                results=results,
                preview=preview,
                info=info,
                damaged_frames=self._damaged,
                skipped_frames=0,
                partial=self._partial,
                resume=None if number == last else {"step": number + 1, "index": index},
            )

    def analyze_video(self, path, every_s=0.2, on_progress=None):
        return SimpleNamespace(results=())

    def analyze_image(self, path):
        faces = tuple(self._pictures.pop(0))
        return SimpleNamespace(
            results=(FrameResult(0, 0.0, faces),),
            info=VideoInfo(1200, 900, None, None, bits_per_pixel=1.0 + len(faces)),
            preview=Preview(0.0, PREVIEW, faces),
            skipped_frames=0,
        )
