"""The three networks say what those of facenet-pytorch say, bit for bit."""

import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

from fer_core.errors import ModelError
from fer_core.faces import networks


@pytest.mark.parametrize(
    ("ours", "theirs", "side"),
    [(networks.proposals, PNet, 61), (networks.refinements, RNet, 24), (networks.outputs, ONet, 48)],
)
def test_they_say_the_same(ours, theirs, side):
    pictures = torch.rand(5, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        found, expected = ours().eval()(pictures), theirs().eval()(pictures)
    assert len(found) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_missing_weights_are_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="weights are missing"):
        networks.proposals()
