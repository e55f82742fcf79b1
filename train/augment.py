"""Random variations of whole batches of faces, without a DataLoader."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from train.augmentation import Augmentation
from train.degrade import degrade


def augment(batch: Tensor, side: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Vary a batch: (N, 1, H, W) float in [0, 1] -> (N, 1, side, side) float, cut from the middle after the warp.

    Works on the batch's device; all chances are drawn on the CPU, so that they are the same on every device.
    """
    lit = _light(_warp(batch, side, how, generator), how, generator)
    if how.degrade:
        lit = degrade(lit, how.degrade, generator)
    return _erase(lit, how, generator)


def _light(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Vary contrast and brightness, then gamma and dimness; what leaves [0, 1] saturates."""
    count = len(images)
    least, most = how.contrast or (1 - how.light, 1 + how.light)
    gain = least + (most - least) * _each(torch.rand(count, generator=generator), images)
    offset = how.light * _each(_symmetric(count, generator), images)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    lit = ((images - mean) * gain + mean + 0.5 * offset).clamp(0, 1)
    if how.gamma:
        lit = lit ** torch.exp(how.gamma * _each(_symmetric(count, generator), images))
    if how.dim:
        dimmed = torch.rand(count, generator=generator) < how.dim
        left = torch.where(dimmed, 0.1 + 0.5 * torch.rand(count, generator=generator), 1.0)
        # Eight bits are all that a camera keeps of a dark face.
        lit = torch.where(_each(dimmed, images), (lit * _each(left, images) * 255).round() / 255, lit)
    return lit


def _each(values: Tensor, images: Tensor) -> Tensor:
    """Return one value a picture (N,) so that it applies to all its pixels: (N, 1, 1, 1) on the pictures' device."""
    return values.view(-1, 1, 1, 1).to(images.device)


def mix_up(images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Blend each picture and its soft target with another of the batch (Zhang et al. 2018, arXiv 1710.09412)."""
    # Beta(a, a) from two gammas would need a generator that torch does not offer; this is Johnk's method.
    while True:
        u, v = torch.rand(2, generator=generator).pow(1 / alpha).tolist()
        if 0 < u + v <= 1:
            break
    weight = max(u, v) / (u + v)
    other = torch.randperm(len(images), generator=generator).to(images.device)
    return images.lerp(images[other], 1 - weight), targets.lerp(targets[other], 1 - weight)


def _symmetric(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * 2 - 1


def _warp(batch: Tensor, side: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    count, height = len(batch), batch.shape[-1]
    angle = _symmetric(count, generator) * math.radians(how.degrees)
    zoom = 1 + how.scale * _symmetric(count, generator)
    mirror = torch.where(torch.rand(count, generator=generator) < how.flip, -1.0, 1.0)
    # The grid spans `side` of the picture's pixels, so that without a warp this is a plain middle crop.
    cut = side / height
    cos, sin = angle.cos() * zoom * cut, angle.sin() * zoom * cut
    shift_x = _symmetric(count, generator) * 2 * how.shift
    shift_y = _symmetric(count, generator) * 2 * how.shift
    matrix = torch.stack(
        [torch.stack([cos * mirror, -sin, shift_x], 1), torch.stack([sin * mirror, cos, shift_y], 1)], 1
    ).to(batch)
    grid = F.affine_grid(matrix, [count, 1, side, side], align_corners=False)
    return F.grid_sample(batch, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _erase(batch: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    count, side = len(batch), batch.shape[-1]
    chosen = torch.rand(count, generator=generator) < how.erase
    size, shape, x, y = torch.rand(4, count, generator=generator)
    pixels = (0.02 + 0.18 * size) * side * side
    aspect = torch.exp((2 * shape - 1) * math.log(3))
    height = (pixels * aspect).sqrt().round().clamp(1, side)
    width = (pixels / aspect).sqrt().round().clamp(1, side)
    rows = _span((y * (side - height + 1)).floor(), height, side)
    columns = _span((x * (side - width + 1)).floor(), width, side)
    covered = (chosen.view(-1, 1, 1) & rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1)
    noise = torch.rand(count, 1, side, side, generator=generator)
    return torch.where(covered.to(batch.device), noise.to(batch), batch)


def _span(begin: Tensor, length: Tensor, side: int) -> Tensor:
    """Return (N, side) bool: True from `begin` (N,) on for `length` (N,) px."""
    place = torch.arange(side)
    return (place >= begin.unsqueeze(1)) & (place < (begin + length).unsqueeze(1))
