"""What is measured on a set of folders."""

import numpy as np
import pytest

from train.evaluate import evaluate_folder
from train.folders import FolderSet


class Fixed:
    """A model that gives each picture the class that its first pixel says, with this probability."""

    def __init__(self, probability):
        self.probability = probability

    def probabilities(self, crops):
        """Return them."""
        out = np.full((len(crops), 7), (1 - self.probability) / 6, np.float32)
        out[np.arange(len(crops)), crops[:, 0, 0]] = self.probability
        return out


def pictures(said, labels):
    crops = np.zeros((len(said), 48, 48), np.uint8)
    crops[:, 0, 0] = said
    people = np.array([f"p{number // 2}" for number in range(len(said))])
    return FolderSet(crops, np.array(labels, np.uint8), people, tuple(map(str, range(len(said)))), ("x.png: no face",))


def test_a_set_with_a_few_classes_is_measured_among_all_and_among_these():
    # The third picture is called neutral, which the set does not have; of the two that it has, none is likelier.
    found = evaluate_folder(Fixed(0.6), pictures([3, 4, 6, 3], [3, 4, 3, 4]), 0.5)
    assert found["full"]["accuracy"] == 0.5
    assert found["classes"] == ["happy", "sad"]
    assert found["accuracy_among_these_classes"] == 0.75
    assert found["by_people"]["groups"] == 2
    assert found["selective"]["coverage"] == 1
    assert found["left_out"] == ["x.png: no face"]
    assert "against" not in found


def test_another_model_is_tested_on_the_same_pictures():
    class Backwards(Fixed):
        def probabilities(self, crops):
            """Return the class before."""
            return np.roll(super().probabilities(crops), -1, axis=1)

    found = evaluate_folder(Fixed(0.6), pictures([3, 4, 5, 5], [3, 4, 5, 4]), 0.5, Backwards(0.6))
    assert found["against"] == {"only_ours": 3, "only_theirs": 1, "p": pytest.approx(0.625), "accuracy": 0.25}
