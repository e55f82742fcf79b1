"""The face network: shapes, its odd sides, and batch norms that fold away."""

import pytest
import torch

from fer_core.model.classifier import fuse
from fer_core.model.face_resnet import FaceBlock
from fer_core.model.network import build_network


@pytest.mark.parametrize("side", [80, 96, 112, 128])
def test_it_answers_seven_logits_at_every_input_side(side):
    network = build_network({"name": "face_resnet", "input_side": side}).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 1, 44, 44)).shape == (2, 7)


@pytest.mark.parametrize("side", [7, 10, 11, 22])
def test_a_halving_block_averages_its_shortcut_and_adds_channels_of_zeros(side):
    block = FaceBlock(3, 5, halving=True).eval()
    torch.nn.init.zeros_(block.second[0].weight)
    x = torch.rand(1, 3, side, side)
    out = block(x)
    half = side // 2
    assert out.shape[1] == 5
    assert torch.allclose(out[:, :3, :half, :half], torch.nn.functional.avg_pool2d(x, 2))
    assert (out[:, 3:] == 0).all()


def test_folded_batch_norms_give_the_same_answers():
    torch.manual_seed(0)
    network = build_network({"name": "face_resnet", "input_side": 80})
    network(torch.randn(8, 1, 44, 44))
    network.eval()
    x = torch.randn(3, 1, 44, 44)
    with torch.inference_mode():
        before = network(x)
        assert torch.allclose(fuse(network)(x), before, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
