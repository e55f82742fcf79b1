"""The operators give what torchvision's own functions give, and neither it nor half of PyTorch is loaded for them."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision import ops

from fer_core.faces.operators import best_apart, roi_align


def boxes(count, generator):
    corners = torch.rand(count, 2, generator=generator) * 300
    return torch.cat([corners, corners + 5 + torch.rand(count, 2, generator=generator) * 120], 1)


@pytest.mark.parametrize("count", [0, 1, 40, 1000, 1500])
def test_the_best_of_boxes_that_overlap_are_kept(count):
    generator = torch.Generator().manual_seed(count)
    found, score = boxes(count, generator), torch.rand(count, generator=generator)
    frame = torch.randint(0, 5, (count,), generator=generator)
    kept = best_apart(found, score, frame, 0.5)
    assert kept.tolist() == ops.batched_nms(found, score, frame, 0.5).tolist()
    assert count < 1000 or len(kept) < count


def test_crops_are_those_of_torchvision():
    generator = torch.Generator().manual_seed(0)
    picture, squares = torch.rand(1, 1, 200, 300, generator=generator) * 255, boxes(20, generator) / 2
    expected = ops.roi_align(picture, [squares], 48, sampling_ratio=-1, aligned=True)
    assert torch.equal(roi_align(picture, squares, 48), expected)


def test_a_picture_is_analysed_without_the_slow_packages():
    program = (
        "import sys, numpy as np, fer_core.analyzer; from fer_core.faces.detector import Detector;"
        "from fer_core.faces.preprocess import crop_faces; from fer_core.types import Box;"
        "Detector('cpu').detect([np.zeros((96, 96, 3), np.uint8)]);"
        "crop_faces(np.zeros((96, 96, 3), np.uint8), [Box(10, 10, 60, 60)]);"
        "print(*{'torchvision', 'facenet_pytorch', 'torch._dynamo', 'av'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
