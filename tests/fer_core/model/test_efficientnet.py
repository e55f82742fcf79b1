"""EfficientNet-Lite0: shapes, ImageNet weights, and convolutions that agree in training and use."""

import pytest
import torch

from fer_core.model.efficientnet import EfficientNetLite0, SameConv, take_imagenet_weights


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("side", [6, 7, 12])
def test_strided_convolutions_agree_in_training_and_use(kernel, side):
    torch.manual_seed(0)
    convolution = SameConv(4, 4, kernel, 2, bias=False, groups=4)
    x = torch.randn(2, 4, side, side, requires_grad=True)
    gradients = []
    for training in (True, False):
        y = convolution.train(training)(x)
        assert y.shape[-1] == -(-side // 2)
        gradients.append(torch.autograd.grad(y.square().sum(), x)[0])
    assert torch.allclose(convolution.train()(x), convolution.eval()(x), atol=1e-6)
    assert torch.allclose(*gradients, atol=1e-5)


def test_padding_is_tensorflows():
    # Of 4 px with a stride of 2 the first window begins at the first px, the last one hangs over the edge.
    convolution = SameConv(1, 1, 3, 2, bias=False)
    convolution.weight.data.fill_(1)
    assert convolution(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[9, 6], [6, 4]]


def test_it_answers_with_seven_logits_and_fits_a_laptop():
    network = EfficientNetLite0(64).eval()
    assert network(torch.zeros(2, 1, 44, 44)).shape == (2, 7)
    assert 3.3e6 < sum(p.numel() for p in network.parameters()) < 3.5e6


def colour_weights():
    """Random weights as the ImageNet package has them: three colours, and 1,000 classes."""
    torch.manual_seed(1)
    own = EfficientNetLite0().state_dict()
    weights = {
        f"layer{i}": torch.randn_like(v.float()) for i, (k, v) in enumerate(own.items()) if not k.startswith("classify")
    }
    weights["layer0"] = torch.randn(32, 3, 3, 3)
    return weights | {"_fc.weight": torch.randn(1000, 1280), "_fc.bias": torch.randn(1000)}


def test_imagenet_weights_are_taken_over_and_colours_added_up():
    weights = colour_weights()
    network = EfficientNetLite0()
    take_imagenet_weights(network, weights)
    assert torch.allclose(network.stem[0].weight[:, 0], weights["layer0"].sum(1))
    weights.popitem()
    weights["layer1"] = torch.zeros(5)
    with pytest.raises(ValueError, match="stem"):
        take_imagenet_weights(network, weights)
