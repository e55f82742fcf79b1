"""MTCNN's three networks, with the weights that the package facenet-pytorch brings.

Source: Zhang et al. 2016, "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
arXiv 1604.02878. The layers' names are those in the files of weights. The package itself is not imported: it would load
torchvision, and with it half of PyTorch more.
"""

from __future__ import annotations

from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from fer_core.errors import ModelError


class Network(nn.Module):
    """Layers one after the other, then heads side by side, the last of which gives the scores of no face and face."""

    def __init__(self, layers: dict[str, nn.Module], heads: dict[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(OrderedDict(layers))
        self.heads = nn.ModuleDict(heads)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return what each head says of pictures (N, 3, H, W), about -1 to 1; the scores as probabilities."""
        seen = self.layers(pictures)
        *others, scores = (head(seen) for head in self.heads.values())
        return [*others, scores.softmax(dim=1)]


class _Flat(nn.Module):
    """(N, C, H, W) to (N, W * H * C), the order in which the weights were learned."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 3, 2, 1).reshape(len(maps), -1)


def proposals() -> Network:
    """Return the first network: for each place of a picture the edges' offsets (4) and the scores (2)."""
    layers = {
        **_convolution(1, 3, 10),
        "pool1": _pool(2),
        **_convolution(2, 10, 16),
        **_convolution(3, 16, 32),
    }
    heads: dict[str, nn.Module] = {"conv4_2": nn.Conv2d(32, 4, 1), "conv4_1": nn.Conv2d(32, 2, 1)}
    return _with_weights("pnet", Network(layers, heads))


def refinements() -> Network:
    """Return the second network: for crops of 24 px the edges' offsets (4) and the scores (2)."""
    layers = {
        **_convolution(1, 3, 28),
        "pool1": _pool(3),
        **_convolution(2, 28, 48),
        "pool2": _pool(3),
        **_convolution(3, 48, 64, 2),
        "flat": _Flat(),
        "dense4": nn.Linear(576, 128),
        "prelu4": nn.PReLU(128),
    }
    heads: dict[str, nn.Module] = {"dense5_2": nn.Linear(128, 4), "dense5_1": nn.Linear(128, 2)}
    return _with_weights("rnet", Network(layers, heads))


def outputs() -> Network:
    """Return the third network: for crops of 48 px offsets (4), landmarks (five x, then five y) and the scores (2)."""
    layers = {
        **_convolution(1, 3, 32),
        "pool1": _pool(3),
        **_convolution(2, 32, 64),
        "pool2": _pool(3),
        **_convolution(3, 64, 64),
        "pool3": _pool(2),
        **_convolution(4, 64, 128, 2),
        "flat": _Flat(),
        "dense5": nn.Linear(1152, 256),
        "prelu5": nn.PReLU(256),
    }
    heads: dict[str, nn.Module] = {
        "dense6_2": nn.Linear(256, 4),
        "dense6_3": nn.Linear(256, 10),
        "dense6_1": nn.Linear(256, 2),
    }
    return _with_weights("onet", Network(layers, heads))


def _convolution(number: int, before: int, after: int, side: int = 3) -> dict[str, nn.Module]:
    return {f"conv{number}": nn.Conv2d(before, after, side), f"prelu{number}": nn.PReLU(after)}


def _pool(side: int) -> nn.Module:
    return nn.MaxPool2d(side, 2, ceil_mode=True)


def _with_weights(name: str, network: Network) -> Network:
    """Fill a network with the weights of this name. Raises ModelError where the package is missing."""
    package = find_spec("facenet_pytorch")
    if package is None or package.origin is None:
        raise ModelError("The face detector's weights are missing. Please install the program again.")
    found = torch.load(Path(package.origin).parent / "data" / f"{name}.pt", weights_only=True)
    places = {key.partition(".")[2]: key for key in network.state_dict()}
    network.load_state_dict({places[key]: value for key, value in found.items()})
    return network
