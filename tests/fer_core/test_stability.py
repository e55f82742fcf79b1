"""What nothing but the framing changes."""

import numpy as np

from fer_core.analyzer import Analyzer
from fer_core.stability import DISTURBANCES, stability
from tests.fakes import FakeClassifier, FakeDetector, face_at
from tests.media import moving_face, write_clip


class LeftIsHappy(FakeClassifier):
    """Calls a crop happy whose left half is the brighter one, else sad."""

    def probabilities(self, crops):
        found = np.full((len(crops), 7), 0.02, np.float32)
        happy = crops[:, :, :24].mean(axis=(1, 2)) > crops[:, :, 24:].mean(axis=(1, 2))
        found[np.arange(len(crops)), np.where(happy, 3, 4)] = 0.88
        return found


def test_a_model_that_ignores_its_input_is_stable(tmp_path):
    path = write_clip(tmp_path / "v.mp4", moving_face(10))
    found = stability(Analyzer(FakeClassifier(), FakeDetector(lambda rgb: [face_at(100, 80)])), path)
    assert [one.name for one in found] == [*DISTURBANCES, "frame moved"]
    assert all(one.same_label == 1 and one.distance == 0 and not any(one.moved) for one in found)


def test_a_model_that_hangs_on_the_framing_is_not(tmp_path):
    path = write_clip(tmp_path / "v.mp4", moving_face(10))
    found = stability(Analyzer(LeftIsHappy(), FakeDetector(lambda rgb: [face_at(60, 20, 250)])), path)
    mirrored = next(one for one in found if one.name == "mirrored")
    assert mirrored.faces == 5
    assert mirrored.same_label == 0
    assert abs(mirrored.moved[3]) == 1
    assert mirrored.moved[3] == -mirrored.moved[4]


def test_without_a_face_there_is_nothing_to_say(tmp_path):
    path = write_clip(tmp_path / "v.mp4", moving_face(5))
    assert stability(Analyzer(FakeClassifier(), FakeDetector(lambda rgb: [])), path) == []
