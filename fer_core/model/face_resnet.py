"""The residual network of dlib's face recognition, for grey faces and expressions: a start that knows faces."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_core.emotions import Emotion

_STEM = 32
# Width of each block, and whether it halves the resolution.
_BLOCKS = (
    *[(32, False)] * 3,
    (64, True),
    *[(64, False)] * 3,
    (128, True),
    *[(128, False)] * 2,
    (256, True),
    *[(256, False)] * 2,
)


class FaceBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut without weights: (N, C_in, H, W) -> (N, C_out, H', W').

    A halving block averages its shortcut over 2 x 2 px and adds channels of zeros; the smaller of both parts is
    padded with zeros at its right and bottom edge, as dlib does it.
    """

    def __init__(self, channels_in: int, channels_out: int, halving: bool) -> None:
        super().__init__()
        self.first = _unit(channels_in, channels_out, 3, 2 if halving else 1, 0 if halving else 1)
        self.second = _unit(channels_out, channels_out, 3, 1, 1)
        self.halving = halving

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y: Tensor = self.second(torch.relu(self.first(x)))
        if not self.halving:
            return torch.relu(x + y)
        x = F.avg_pool2d(x, 2)
        height, width = max(x.shape[2], y.shape[2]), max(x.shape[3], y.shape[3])
        x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, y.shape[1] - x.shape[1]))
        return torch.relu(x + F.pad(y, (0, width - y.shape[3], 0, height - y.shape[2])))


class FaceResNet(nn.Module):
    """Grey faces (N, 1, S, S), normalised -> logits (N, 7) in `Emotion` order.

    The face is enlarged to `input_side` px first, so that the filters meet features of the size they know.
    Source: King 2017, dlib_face_recognition_resnet_model_v1 (CC0), without its last block, which needs 100 px.
    """

    def __init__(self, input_side: int = 96, dropout: float = 0.3) -> None:
        super().__init__()
        self.input_side = input_side
        self.stem = _unit(1, _STEM, 7, 2, 0)
        widths = [_STEM, *(width for width, _ in _BLOCKS)]
        self.stages = nn.Sequential(
            *(FaceBlock(before, width, halving) for before, (width, halving) in zip(widths[:-1], _BLOCKS, strict=True))
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.classify = nn.Linear(widths[-1], len(Emotion))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = F.interpolate(x, size=(self.input_side, self.input_side), mode="bilinear", align_corners=False)
        x = F.max_pool2d(torch.relu(self.stem(x)), 3, 2)
        logits: Tensor = self.classify(self.head(self.stages(x)))
        return logits


def _unit(channels_in: int, channels_out: int, kernel: int, stride: int, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False), nn.BatchNorm2d(channels_out)
    )
