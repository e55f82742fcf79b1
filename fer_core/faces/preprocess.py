"""The one rule from a face in a picture to the network's input, shared by training and analysis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fer_core.faces.operators import roi_align
from fer_core.types import Box

CROP_SIDE = 48
"""Side of a face crop in px, as in FER2013."""

SIDE_PER_HEIGHT = 0.94
"""Side of the square that is cut, per height of MTCNN's box, about the box's middle.

FER2013's own crops, enlarged and given to MTCNN, have this ratio in the median; so faces from videos are framed as the
faces of the training were.
"""

LARGEST = 2.0
"""A box larger than so many times the picture's longer side is an error, never a face."""

_LUMA = (0.299, 0.587, 0.114)
"""Grey from RGB after ITU-R BT.601, as PIL's ``convert("L")`` does it."""


def crop_faces(rgb: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """Cut faces out of a picture: (H, W, 3) uint8 RGB and N boxes in px -> (N, 48, 48) uint8 grey.

    Each px of a crop is the mean over its area, so that large faces don't alias. What lies outside the picture
    repeats its edge.

    Raises ValueError for a box over `LARGEST` times the picture, or outside it: memory grows with what is cut.
    """
    if not boxes:
        return np.empty((0, CROP_SIDE, CROP_SIDE), np.uint8)
    squares = np.array([_square(box) for box in boxes])
    height, width = rgb.shape[:2]
    reach = LARGEST * max(height, width)
    if (squares[:, 2] - squares[:, 0]).max() > reach or np.abs(squares).max() > 2 * reach:
        raise ValueError(f"a box over {LARGEST} times the picture of {width} x {height} px, or far outside it")
    # Only the part of the picture that holds faces is turned into floats.
    left, top = np.clip(np.floor(squares[:, :2].min(axis=0)) - 1, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(squares[:, 2:].max(axis=0)) + 1, (left + 1, top + 1), (width, height)).astype(int)
    part = torch.from_numpy(rgb[top:bottom, left:right].copy()).float() @ torch.tensor(_LUMA)
    missing = np.concatenate([(left, top) - squares[:, :2].min(axis=0), squares[:, 2:].max(axis=0) - (right, bottom)])
    pad = int(max(0, np.ceil(missing.max())))
    framed = F.pad(part[None, None], (pad, pad, pad, pad), mode="replicate")
    rois = torch.from_numpy(squares - (left, top, left, top) + pad).float()
    crops = roi_align(framed, rois, CROP_SIDE)
    out: NDArray[np.uint8] = crops[:, 0].round().clamp(0, 255).to(torch.uint8).numpy()
    return out


def _square(box: Box) -> tuple[float, float, float, float]:
    half = box.height * SIDE_PER_HEIGHT / 2
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return x - half, y - half, x + half, y + half


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
    return middle(((grey.float() / 255 - mean) / std).unsqueeze(1), side)


def middle(faces: Tensor, side: int) -> Tensor:
    """Cut the middle: (N, 1, S, S) -> (N, 1, side, side)."""
    margin = (faces.shape[-1] - side) // 2
    return faces[..., margin : margin + side, margin : margin + side]


def view(faces: Tensor, side: int, down: float, width: float) -> Tensor:
    """Cut faces framed otherwise: (N, 1, S, S) float -> (N, 1, side, side).

    Their content lies `down` px lower than in the middle cut, and the window is `width` times as wide. What lies
    outside repeats the edge.
    """
    span = width * side / faces.shape[-1]
    matrix = faces.new_tensor([[span, 0, 0], [0, span, -2 * down / faces.shape[-1]]]).expand(len(faces), 2, 3)
    grid = F.affine_grid(matrix, [len(faces), 1, side, side], align_corners=False)
    return F.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)
