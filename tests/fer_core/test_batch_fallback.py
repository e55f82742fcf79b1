"""Memory that does not suffice costs speed, never a result."""

import numpy as np
import pytest
import torch

from fer_core.batch_fallback import BatchFallback
from fer_core.errors import ModelError
from fer_core.faces.detector import Detector
from fer_core.model.classifier import Classifier
from tests.media import scene


class Crowded:
    """Work that finds room for `fits` at once on the GPU."""

    def __init__(self, fits, on_cpu=True):
        self.fits, self.on_cpu = fits, on_cpu
        self.moved = 0
        self.room = BatchFallback(torch.device("cuda"), 64, self.move)
        self.tried = []

    def move(self):
        self.moved += 1

    def __call__(self):
        self.tried.append((self.room.device.type, self.room.batch))
        enough = self.on_cpu if self.room.device.type == "cpu" else self.room.batch <= self.fits
        if not enough:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "done"


def test_the_batch_is_halved_until_it_fits_and_stays_so():
    work = Crowded(fits=20)
    assert work.room.run(work) == "done"
    assert work.tried == [("cuda", 64), ("cuda", 32), ("cuda", 16)]
    assert work.room.run(work) == "done"
    assert len(work.tried) == 4
    assert work.moved == 0


def test_at_last_the_cpu_does_it():
    work = Crowded(fits=0)
    assert work.room.run(work) == "done"
    assert (work.tried[-1], work.moved) == (("cpu", 1), 1)


def test_where_nothing_fits_it_is_said():
    work = Crowded(fits=0, on_cpu=False)
    with pytest.raises(ModelError) as refusal:
        work.room.run(work)
    assert refusal.value.code == "out_of_memory"


def test_other_errors_are_not_tried_again():
    room = BatchFallback(torch.device("cpu"), 8, lambda: None)
    tries = []

    def broken():
        tries.append(1)
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        room.run(broken)
    assert len(tries) == 1


def test_the_classifier_answers_alike_with_less_memory(monkeypatch):
    classifier = Classifier.load(device="cpu")
    crops = np.random.default_rng(0).integers(0, 256, (70, 48, 48), np.uint8)
    usual = classifier.probabilities(crops)
    batch = classifier._batch

    def crowded(grey):
        if len(grey) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch(grey)

    monkeypatch.setattr(classifier, "_batch", crowded)
    assert np.abs(classifier.probabilities(crops) - usual).max() < 0.02
    assert classifier._fallback.batch <= 10


def test_the_classifier_moves_to_the_cpu_and_says_so():
    classifier = Classifier.load(device="cpu")
    classifier._fallback.device = torch.device("meta")
    classifier._fallback.batch = 1
    classifier._fallback._make_room()
    assert classifier.device.type == "cpu"
    assert "did not suffice" in classifier.device_name
    assert classifier.probabilities(np.zeros((2, 48, 48), np.uint8)).shape == (2, 7)


def test_the_detector_finds_the_same_with_less_memory(monkeypatch):
    detector = Detector("cpu")
    [usual] = detector.detect([scene()])
    honest = detector._refine_net.forward

    def crowded(crops):
        if len(crops) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(crops)

    monkeypatch.setattr(detector._refine_net, "forward", crowded)
    [found] = detector.detect([scene()])
    assert len(found) == len(usual) == 1
    assert found[0].box.iou(usual[0].box) > 0.99
    assert detector.refind([scene()], [[usual[0].box]])[0]
