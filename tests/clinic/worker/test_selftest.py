"""The self-test: its clip holds what it says, and each fault is named."""

import errno
from types import SimpleNamespace

import av
import numpy as np
import pytest

from clinic.recordings import uploads
from clinic.worker import cluster, selftest
from clinic.worker.drawn_face import draw_face, empty_room
from db.room import DiskFullError
from fer_core.errors import ModelError
from fer_core.types import FrameResult
from storage import keys
from storage.media import open_store
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

    def analyze_video(self, source, every_s):
        with av.open(source) as clip:
            self.frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_sound_core_passes(settings):
    analyzer = Analyzer(analysis())
    verdict = selftest.check(lambda: analyzer, settings)
    assert verdict == selftest.SelfTestResult(True, "The self-test passed.")
    assert len(analyzer.frames) == 30
    assert analyzer.frames[0].shape == (240, 320, 3)
    assert list(open_store(settings).files()) == [], "the clip is gone from the store"


def test_a_lost_key_is_named(settings):
    keys.key_path(settings).unlink()
    verdict = selftest.check(lambda: Analyzer(analysis()), settings)
    assert not verdict.sound
    assert "master key is missing" in verdict.sentence


def test_a_full_disk_is_no_fault_of_the_core(settings):
    with pytest.raises(DiskFullError):
        selftest.check(lambda: Analyzer(OSError(errno.ENOSPC, "full")), settings)


def test_a_machine_of_a_cluster_finds_the_clip_where_it_finds_recordings(settings):
    """What another machine is told is a place in the store, and never a path of this one's temporary folder."""

    class Far(Analyzer):
        def analyze_video(self, source, every_s):
            with uploads.open_place(cluster._where(source)) as there:
                return super().analyze_video(there, every_s)

    assert selftest.check(lambda: Far(analysis()), settings).sound


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (analysis(lambda _: ()), "not found"),
        (analysis(lambda _: (expression(),)), "in a picture without one"),
        (analysis(times=TIMES[:6]), "to its end"),
        (analysis(times=[]), "to its end"),
        (analysis(times=[time_s**1.3 / 2**0.3 for time_s in TIMES]), "times"),
        (ModelError("No model is installed."), "No model is installed"),
        (RuntimeError("secret place"), "RuntimeError"),
    ],
    ids=["blind", "seeing-ghosts", "cut", "nothing", "wrong-times", "no-model", "broken"],
)
def test_each_fault_is_named(settings, answer, named):
    verdict = selftest.check(lambda: Analyzer(answer), settings)
    assert not verdict.sound
    assert named in verdict.sentence
    assert "secret" not in verdict.sentence


def test_the_face_smiles_and_the_room_is_empty():
    assert draw_face().shape == empty_room().shape == (240, 320, 3)
    assert np.abs(draw_face().astype(int) - draw_face(smile=1.0)).max() > 20
    assert empty_room().std(axis=(0, 1)).max() == 0


def test_the_shipped_core_is_sound(settings):
    from fer_core.analyzer import Analyzer  # not at the top: it imports torch

    assert selftest.check(lambda: Analyzer.open(device="cpu"), settings) == selftest.SelfTestResult(
        True, "The self-test passed."
    )
