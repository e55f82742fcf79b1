"""The self-test: its clip holds what it says, and each fault is named."""

from types import SimpleNamespace

import av
import numpy as np
import pytest

from clinic.worker import selftest
from clinic.worker.drawn_face import draw_face, empty_room
from fer_core.errors import ModelError
from fer_core.types import FrameResult
from tests.clinic.fakes import expression

TIMES = [index * 0.2 for index in range(15)]


def analysis(faces=lambda time_s: (expression(),) if time_s < 2 else (), times=TIMES):
    return SimpleNamespace(
        results=tuple(FrameResult(index, time_s, tuple(faces(time_s))) for index, time_s in enumerate(times))
    )


class Analyzer:
    """Reads the clip that it is given, and answers what it was told."""

    def __init__(self, answer):
        self.answer = answer

    def analyze_video(self, path, every_s):
        with av.open(str(path)) as clip:
            self.frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_sound_core_passes():
    analyzer = Analyzer(analysis())
    verdict = selftest.check(lambda: analyzer)
    assert verdict == selftest.SelfTestResult(True, "The self-test was passed.")
    assert len(analyzer.frames) == 30
    assert analyzer.frames[0].shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (analysis(lambda _: ()), "not found"),
        (analysis(lambda _: (expression(),)), "where there is none"),
        (analysis(times=TIMES[:6]), "to its end"),
        (analysis(times=[]), "to its end"),
        (analysis(times=[time_s**1.3 / 2**0.3 for time_s in TIMES]), "times"),
        (ModelError("No model is installed."), "No model is installed"),
        (RuntimeError("secret place"), "RuntimeError"),
    ],
    ids=["blind", "seeing-ghosts", "cut", "nothing", "wrong-times", "no-model", "broken"],
)
def test_each_fault_is_named(answer, named):
    verdict = selftest.check(lambda: Analyzer(answer))
    assert not verdict.sound
    assert named in verdict.sentence
    assert "secret" not in verdict.sentence


def test_the_face_smiles_and_the_room_is_empty():
    assert draw_face().shape == empty_room().shape == (240, 320, 3)
    assert np.abs(draw_face().astype(int) - draw_face(smile=1.0)).max() > 20
    assert empty_room().std(axis=(0, 1)).max() == 0


def test_the_shipped_core_is_sound():
    from fer_core.analyzer import Analyzer  # not at the top: it imports torch

    assert selftest.check(lambda: Analyzer.open(device="cpu")) == selftest.SelfTestResult(
        True, "The self-test was passed."
    )
