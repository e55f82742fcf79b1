"""Grad-CAM against what is known without it."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from fer_core.model.network import build_network
from train.saliency import grad_cam


class Pooled(nn.Module):
    """A convolution, the mean over the picture, a linear layer: for such a network Grad-CAM is known in closed form."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU())
        self.classify = nn.Linear(5, 7)

    def forward(self, x):
        return self.classify(self.features(x).mean((2, 3)))


def test_behind_a_global_mean_it_is_the_class_activation_map():
    """Zhou et al. 2016: the features weighted with the label's row of the last layer."""
    torch.manual_seed(3)
    network, faces, labels = Pooled().eval(), torch.randn(6, 1, 12, 12), torch.arange(6)
    features = network.features(faces).detach()
    expected = torch.einsum("nchw,nc->nhw", features, network.classify.weight.detach()[labels]).relu()
    expected = expected / expected.amax((1, 2), keepdim=True).clamp(min=1e-12)
    torch.testing.assert_close(grad_cam(network, faces, labels), expected, rtol=1e-4, atol=1e-5)
    assert not network.features[0]._forward_hooks, "nothing of it stays on the network"


NETWORKS = pytest.mark.parametrize(
    "architecture",
    [
        {"name": "expression_net", "widths": [8, 16], "blocks": [1, 1], "dropout": 0.1},
        {"name": "sequential", "widths": [8, 16], "dense": 8, "dropout": 0.1},
    ],
    ids=lambda found: found["name"],
)


def last_map(network, faces):
    """The layer whose output is the last feature map with more than one place."""
    maps = []
    hooks = [
        module.register_forward_hook(
            lambda module, _, out: maps.append(module) if out.ndim == 4 and min(out.shape[2:]) > 1 else None
        )
        for module in network.modules()
    ]
    network(faces)
    for hook in hooks:
        hook.remove()
    return maps[-1]


@NETWORKS
def test_it_is_what_captum_says(architecture):
    torch.manual_seed(2)
    network, faces, labels = build_network(architecture).eval(), torch.randn(7, 1, 48, 48), torch.arange(7)
    # Its sum over channels is rectified; ours is then brought to 0 to 1.
    expected = LayerGradCam(network, last_map(network, faces)).attribute(
        faces, labels, attr_dim_summation=True, relu_attributions=True
    )[:, 0]
    assert float(expected.detach().amax()) > 0
    expected = expected.detach() / expected.detach().amax((1, 2), keepdim=True).clamp(min=1e-12)
    torch.testing.assert_close(grad_cam(network, faces, labels), expected, rtol=1e-4, atol=1e-5)


@NETWORKS
def test_each_network_gives_maps_between_0_and_1(architecture):
    torch.manual_seed(1)
    found = grad_cam(build_network(architecture).eval(), torch.randn(3, 1, 48, 48), torch.tensor([0, 3, 6])).numpy()
    assert found.shape[0] == 3
    assert min(found.shape[1:]) > 1
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1
