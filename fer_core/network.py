"""The network: a small residual net with squeeze-and-excitation for grey faces of about 44 px."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

from fer_core.emotions import Emotion


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, squeeze-and-excitation and a shortcut.

    (N, C_in, H, W) -> (N, C_out, H/stride, W/stride).
    Source: He et al. 2016 (arXiv 1512.03385), basic block; Hu et al. 2018 (arXiv 1709.01507).
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
        return torch.relu(self.body(x) + self.shortcut(x))


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


def build_network(architecture: dict[str, Any]) -> nn.Module:
    """Build the network that a card or a preset describes, such as ``{"name": "expression_net", "widths": [...]}``.

    Raises ValueError for a name that is unknown.
    """
    options = {key: value for key, value in architecture.items() if key != "name"}
    name = architecture["name"]
    if name == "expression_net":
        return ExpressionNet(**options)
    raise ValueError(f"no network is called {name!r}")
