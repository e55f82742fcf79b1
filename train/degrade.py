"""What cameras, codecs and hands do to a face: low resolution, JPEG blocks, covered parts."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

COVERED_DOUBT = 0.4
"""Share of a covered face's target that is spread over all classes: so the network learns to be less sure of it."""

# Luminance quantisation of JPEG (ITU-T T.81, annex K.1).
_QUANTISATION = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).float()
_LEAST_SIDE, _MOST_SIDE = 12, 40
_LEAST_QUALITY, _MOST_QUALITY = 5, 60
# Least and most of top, bottom, left and right, as shares of the side.
_COVERS = torch.tensor(
    [
        [[0.55, 0.68], [0.85, 1.0], [0.0, 0.15], [0.85, 1.0]],  # the mouth
        [[0.18, 0.28], [0.45, 0.55], [0.0, 0.15], [0.85, 1.0]],  # the eyes
        [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.3, 0.5]],  # the left side
        [[0.0, 0.0], [1.0, 1.0], [0.5, 0.7], [1.0, 1.0]],  # the right side
        [[0.4, 0.65], [0.8, 1.0], [0.1, 0.4], [0.6, 0.9]],  # a hand
    ]
)


def degrade(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Return pictures (N, 1, S, S) in [0, 1], some of them of low resolution, some through JPEG, some both.

    All of a batch that are shrunk are shrunk to the same size.
    """
    count = len(images)
    shrunk, compressed = torch.rand(2, count, generator=generator) < chance
    side = int(torch.randint(_LEAST_SIDE, _MOST_SIDE + 1, (), generator=generator))
    low, high = math.log(_LEAST_QUALITY), math.log(_MOST_QUALITY)
    quality = torch.exp(low + (high - low) * torch.rand(count, generator=generator))
    out = images.clone()
    shrunk, compressed = shrunk.to(images.device), compressed.to(images.device)
    if shrunk.any():
        small = F.interpolate(out[shrunk], size=(side, side), mode="bilinear", antialias=True)
        out[shrunk] = F.interpolate(small, size=images.shape[-2:], mode="bilinear")
    if compressed.any():
        out[compressed] = jpeg(out[compressed], quality.to(images.device)[compressed])
    return out


def jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """Return what JPEG of qualities (N,) from 1 to 100 leaves of grey pictures (N, 1, H, W) in [0, 1].

    Source: ITU-T T.81; the table is scaled as libjpeg does it.
    """
    count, _, height, width = images.shape
    padded = F.pad(images * 255 - 128, (0, -width % 8, 0, -height % 8), mode="replicate")
    down, across = padded.shape[2] // 8, padded.shape[3] // 8
    blocks = padded.view(count, down, 8, across, 8).transpose(2, 3)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).view(-1, 1, 1)
    table = ((_QUANTISATION.to(images) * scale + 50) / 100).floor().clamp(1, 255).view(count, 1, 1, 8, 8)
    basis = _cosines().to(images)
    coefficients = basis @ blocks @ basis.T
    kept = basis.T @ ((coefficients / table).round() * table) @ basis
    joined = kept.transpose(2, 3).reshape(count, 1, down * 8, across * 8)[:, :, :height, :width]
    return ((joined + 128).round() / 255).clamp(0, 1)


def _cosines() -> Tensor:
    """Return the orthonormal basis (8, 8) of the discrete cosine transform, a frequency a row."""
    frequency, place = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    basis = torch.cos((2 * place + 1) * frequency * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    return basis


def cover_faces(images: Tensor, targets: Tensor, chance: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cover mouth, eyes, a side or a hand's place of some faces (N, 1, S, S); their targets (N, 7) become doubtful."""
    count, side = len(images), images.shape[-1]
    covered = torch.rand(count, generator=generator) < chance
    bounds = _COVERS[torch.randint(len(_COVERS), (count,), generator=generator)]
    edges = bounds[..., 0] + (bounds[..., 1] - bounds[..., 0]) * torch.rand(count, 4, generator=generator)
    top, bottom, left, right = (edges * side).round().T.unsqueeze(2)
    place = torch.arange(side)
    rows, columns = (place >= top) & (place < bottom), (place >= left) & (place < right)
    mask = (covered.view(-1, 1, 1) & rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1).to(images.device)
    level = torch.rand(count, 1, 1, 1, generator=generator)
    grain = 0.1 * torch.rand(count, 1, 1, 1, generator=generator)
    fill = (level + grain * torch.randn(count, 1, side, side, generator=generator)).clamp(0, 1)
    doubt = torch.where(covered, COVERED_DOUBT, 0.0).unsqueeze(1).to(targets)
    return torch.where(mask, fill.to(images), images), targets * (1 - doubt) + doubt / targets.shape[1]
