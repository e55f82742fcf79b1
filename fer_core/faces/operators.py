"""Two of torchvision's operators, without importing torchvision, which would load half of PyTorch more."""

from __future__ import annotations

import contextlib
import importlib
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

MANY = 4000
"""From so many numbers on, on a CPU, boxes are compared frame by frame; on a GPU from 100,000 on."""
MANY_ON_GPU = 100_000


def roi_align(pictures: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Return each box of one picture (1, C, H, W) as (N, C, side, side): the mean over the area of each px.

    `boxes`: (N, 4) left, top, right, bottom in px. Source: He et al. 2017, "Mask R-CNN", arXiv 1703.06870.
    """
    _load()
    of_picture = torch.cat([boxes.new_zeros(len(boxes), 1), boxes], 1)
    aligned: Tensor = torch.ops.torchvision.roi_align(pictures, of_picture, 1.0, side, side, -1, True)
    return aligned


def best_apart(boxes: Tensor, score: Tensor, frame: Tensor, most_overlap: float) -> Tensor:
    """Return the rows to keep of boxes (N, 4), the most certain first: of two in one frame that overlap more, one goes.

    `most_overlap`: intersection over union, 0 to 1 (greedy non-maximum suppression).
    """
    _load()
    if not len(boxes):
        return torch.empty(0, dtype=torch.int64, device=boxes.device)
    if boxes.numel() > (MANY if boxes.device.type == "cpu" else MANY_ON_GPU):
        return _frame_by_frame(boxes, score, frame, most_overlap)
    # Frames are laid beside each other, so that their boxes don't meet.
    apart = boxes + (frame.to(boxes) * (boxes.max() + 1))[:, None]
    kept: Tensor = torch.ops.torchvision.nms(apart, score, most_overlap)
    return kept


def _frame_by_frame(boxes: Tensor, score: Tensor, frame: Tensor, most_overlap: float) -> Tensor:
    keep = torch.zeros_like(score, dtype=torch.bool)
    for one in torch.unique(frame):
        rows = (frame == one).nonzero()[:, 0]
        keep[rows[torch.ops.torchvision.nms(boxes[rows], score[rows], most_overlap)]] = True
    kept = keep.nonzero()[:, 0]
    return kept[score[kept].sort(descending=True)[1]]


def _load() -> None:
    """Make PyTorch know the operators."""
    if hasattr(torch.ops.torchvision, "nms"):
        return
    package = find_spec("torchvision")
    if package is not None and package.origin is not None:
        for library in sorted(Path(package.origin).parent.glob("_C*")):
            with contextlib.suppress(OSError):
                torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
                return
    importlib.import_module("torchvision.ops")
