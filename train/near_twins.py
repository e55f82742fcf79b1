"""Search for pictures that show the same photograph in another crop, size, brightness, compression or mirrored.

The core of each picture, at several sizes and mirrored, is slid over every other picture, and the other way round,
since either may be the closer cut of the photograph (normalised cross-correlation; Lewis 1995, "Fast Normalized
Cross-Correlation"). A coarse pass at a third of the resolution leaves few candidates for the fine one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

SCALES = tuple(float(value) for value in np.geomspace(3 / 4, 4 / 3, 9))
"""How large the window is that is cut from one picture and looked for in the other."""
CORE = 32
"""Side in px of the window at scale 1, and of its place in the other picture."""
SHIFT = 8
"""How far, in px, the window may lie from the middle of the other picture."""
NEAR_CORRELATION = 0.92
"""Least correlation of the grey levels of two crops that are taken for the same photograph.

Of 72 of FER2013's pairs each, checked by eye, the same photograph are: 58 from 0.93 to 0.945, 33 from 0.92 to 0.93, and
16 from 0.90 to 0.92. So a few photographs stay in both, and about as many strangers are called twins.
"""

_POOL, _COARSE_CORE = 3, 36
_COARSE_CORRELATION = 0.80
_FLAT = 2.0
_BLOCK = 1024


def find_near_twins(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return pairs (K, 2) of rows of `ours` and of `theirs`, both (N, 48, 48) uint8, and their correlations (K,).

    A pair is listed once, with its highest correlation over sizes, shifts and mirroring, in the order of its rows.
    """
    best = _one_way(ours, theirs)
    for (other, one), correlation in _one_way(theirs, ours).items():
        best[one, other] = max(correlation, best.get((one, other), 0.0))
    pairs = sorted(best)
    return np.array(pairs, np.intp).reshape(-1, 2), np.array([best[pair] for pair in pairs], np.float32)


def _one_way(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> dict[tuple[int, int], float]:
    """Return the pairs that are found when the cores of `ours` are slid over `theirs`, with their correlations."""
    best: dict[tuple[int, int], float] = {}
    if not len(ours) or not len(theirs):
        return best
    fields = torch.tensor(theirs).float().unsqueeze(1)
    coarse, fine = _coarse_windows(fields), _FineFields.of(fields)
    for templates in _variants(torch.tensor(ours).float().unsqueeze(1)):
        left, right = _candidates(_core(templates, _COARSE_CORE), coarse)
        found = fine.correlation(_core(templates, CORE), left, right)
        near = found >= NEAR_CORRELATION
        for one, other, value in zip(left[near].tolist(), right[near].tolist(), found[near].tolist(), strict=True):
            best[one, other] = max(value, best.get((one, other), 0.0))
    return best


def _variants(pictures: Tensor) -> Iterator[Tensor]:
    """Yield the pictures (N, 1, 48, 48) at each scale, as they are and mirrored."""
    for scale in SCALES:
        for mirror in (1.0, -1.0):
            matrix = torch.tensor([[scale * mirror, 0.0, 0.0], [0.0, scale, 0.0]]).expand(len(pictures), 2, 3)
            grid = F.affine_grid(matrix, list(pictures.shape), align_corners=False)
            yield F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _core(pictures: Tensor, side: int) -> Tensor:
    margin = (pictures.shape[-1] - side) // 2
    return pictures[..., margin : margin + side, margin : margin + side]


def _standardised(grey: Tensor) -> Tensor:
    """Return rows (..., D) of mean 0 and length 1, so that a product of two is their correlation; less if flat."""
    grey = grey - grey.mean(dim=-1, keepdim=True)
    standard: Tensor = grey / grey.norm(dim=-1, keepdim=True).clamp(min=_FLAT * grey.shape[-1] ** 0.5)
    return standard


def _coarse_windows(fields: Tensor) -> Tensor:
    """Return every coarse window of fields (M, 1, 48, 48), standardised, as bf16 (places, M, pixels)."""
    return torch.cat(
        [
            _standardised(F.unfold(F.avg_pool2d(part, _POOL), _COARSE_CORE // _POOL).permute(2, 0, 1)).bfloat16()
            for part in torch.split(fields, _BLOCK)
        ],
        dim=1,
    )


def _candidates(templates: Tensor, windows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of templates (N, 1, 36, 36) and of fields that agree at a third of the resolution."""
    small = _standardised(F.avg_pool2d(templates, _POOL).flatten(1)).bfloat16()
    found = []
    for begin in range(0, len(small), _BLOCK):
        for field in range(0, windows.shape[1], _BLOCK):
            block, places = small[begin : begin + _BLOCK], windows[:, field : field + _BLOCK]
            highest = block @ places[0].T
            for place in places[1:]:
                torch.maximum(highest, block @ place.T, out=highest)
            found.append(torch.nonzero(highest >= _COARSE_CORRELATION) + torch.tensor([begin, field]))
    left, right = torch.cat(found).unbind(1)
    return left, right


@dataclass(frozen=True)
class _FineFields:
    """Each picture (M, 1, 48, 48), and the length (M, 1, 17, 17) of each of its windows less its mean."""

    grey: Tensor
    length: Tensor

    @classmethod
    def of(cls, fields: Tensor) -> _FineFields:
        grey = _core(fields, CORE + 2 * SHIFT)
        variance = F.avg_pool2d(grey.square(), CORE, 1) - F.avg_pool2d(grey, CORE, 1).square()
        return cls(grey, variance.clamp(min=_FLAT**2).sqrt() * CORE)

    def correlation(self, templates: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """Return the highest correlation (K,) of templates[left], (N, 1, 32, 32), over all windows of fields[right]."""
        if not len(left):
            return torch.empty(0)
        standard = _standardised(templates.flatten(1)).view(-1, 1, CORE, CORE)
        found = []
        for one, other in zip(torch.split(left, _BLOCK), torch.split(right, _BLOCK), strict=True):
            # A template's mean is 0, so that the window's own mean falls out of the product.
            product = F.conv2d(self.grey[other].transpose(0, 1), standard[one], groups=len(one))[0]
            found.append((product / self.length[other, 0]).flatten(1).amax(1))
        return torch.cat(found)
