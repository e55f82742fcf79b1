"""One rule from a face in a picture to what the network sees, shared by training and analysis."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

CROP_SIDE = 48
"""Side of a face crop in px, as in FER2013."""

_LUMA = (0.299, 0.587, 0.114)
"""Grey from RGB after ITU-R BT.601, as PIL's ``convert("L")`` does it."""


def to_grey48(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring crops to the network's raw input: (N, 48, 48) grey or (N, H, W, 3) RGB, uint8 -> (N, 48, 48) uint8 grey.

    Raises ValueError for another shape or type.
    """
    if crops.dtype != np.uint8:
        raise ValueError(f"crops are uint8, not {crops.dtype}")
    if crops.ndim == 4 and crops.shape[-1] == 3:
        grey = torch.from_numpy(np.ascontiguousarray(crops)).float() @ torch.tensor(_LUMA)
    elif crops.ndim == 3:
        if crops.shape[1:] == (CROP_SIDE, CROP_SIDE):
            return crops
        grey = torch.from_numpy(np.ascontiguousarray(crops)).float()
    else:
        raise ValueError(f"crops are (N, 48, 48) grey or (N, H, W, 3) RGB, not {crops.shape}")
    if grey.shape[1:] != (CROP_SIDE, CROP_SIDE):
        size = (CROP_SIDE, CROP_SIDE)
        grey = F.interpolate(grey[:, None], size, mode="bilinear", antialias=True, align_corners=False)[:, 0]
    out: NDArray[np.uint8] = grey.round().clamp(0, 255).to(torch.uint8).numpy()
    return out


def normalise(grey: Tensor, side: int, mean: float, std: float) -> Tensor:
    """Cut the middle and normalise: (N, 48, 48) uint8 -> (N, 1, side, side) float32, zero mean over the training data.

    `mean` and `std` are those of the grey level divided by 255.
    """
    margin = (grey.shape[-1] - side) // 2
    cut = grey[:, margin : margin + side, margin : margin + side]
    return ((cut.float() / 255 - mean) / std).unsqueeze(1)
