"""The networks: a small residual net with squeeze-and-excitation for grey faces, and the plain ones of comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fer_core.emotions import Emotion
from fer_core.model.efficientnet import EfficientNetLite0
from fer_core.model.face_resnet import FaceResNet


class SqueezeExcitation(nn.Module):
    """Scale each channel by what all of them are on average: (N, C, H, W) -> the same.

    Source: Hu et al. 2018 (arXiv 1709.01507).
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled channels."""
        squeezed = torch.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))
        return torch.sigmoid(self.fc2(squeezed)) * x


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, squeeze-and-excitation and a shortcut.

    (N, C_in, H, W) -> (N, C_out, H/stride, W/stride).
    Source: He et al. 2016 (arXiv 1512.03385), basic block.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            SqueezeExcitation(channels_out, max(8, channels_out // 8)),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            # Average before the 1x1, so that a stride throws no pixel away (He et al. 2019, arXiv 1812.01187).
            pool = nn.AvgPool2d(2, ceil_mode=True) if stride == 2 else nn.Identity()
            self.shortcut = nn.Sequential(
                pool, nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        return torch.relu_(self.body(x) + self.shortcut(x))


class ExpressionNet(nn.Module):
    """Grey faces (N, 1, S, S), normalised -> logits (N, 7) in `Emotion` order.

    The stem and the first stage keep the full resolution; each later stage halves it. Fully convolutional up to a
    global average, so that S may be 40 to 48.
    """

    def __init__(
        self, widths: Sequence[int] = (32, 64, 128, 256), blocks: Sequence[int] = (1, 1, 1, 1), dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        stages: list[nn.Module] = []
        channels = widths[0]
        for number, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(count):
                stride = 2 if number > 0 and block == 0 else 1
                stages.append(ResidualBlock(channels, width, stride))
                channels = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.classify = nn.Linear(channels, len(Emotion))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.classify(self.head(self.stages(self.stem(x))))
        return logits


class SequentialNet(nn.Module):
    """The plain stack of the usual student project: grey faces (N, 1, 48, 48), normalised -> logits (N, 7).

    Each of `widths` is a 3x3 convolution with ReLU, batch norm if wanted, a pool of 2 px and dropout; then come a
    dense layer of `dense` and the classes.
    """

    def __init__(
        self, widths: Sequence[int], dense: int, dropout: float, batch_norm: bool = True, side: int = 48
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            layers += [nn.BatchNorm2d(width)] if batch_norm else []
            layers += [nn.MaxPool2d(2), nn.Dropout(dropout / 2)]
            channels, side = width, side // 2
        self.stages = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * side * side, dense), nn.ReLU(inplace=True), nn.Dropout(dropout)
        )
        self.classify = nn.Linear(dense, len(Emotion))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.classify(self.head(self.stages(x)))
        return logits


def build_network(architecture: dict[str, Any]) -> nn.Module:
    """Build the network that a card or a preset describes, such as ``{"name": "expression_net", "widths": [...]}``.

    Raises ValueError for a name that is unknown.
    """
    options = {key: value for key, value in architecture.items() if key != "name"}
    name = architecture["name"]
    if name == "expression_net":
        return ExpressionNet(**options)
    if name == "sequential":
        return SequentialNet(**options)
    if name == "efficientnet_lite0":
        return EfficientNetLite0(**options)
    if name == "face_resnet":
        return FaceResNet(**options)
    raise ValueError(f"no network is called {name!r}")
