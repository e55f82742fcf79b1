"""JPEG, low resolution and covered parts."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from train.degrade import COVERED_DOUBT, cover_faces, degrade, jpeg


def generator():
    return torch.Generator().manual_seed(4)


def faces(count=40, side=48):
    """Smooth random pictures."""
    coarse = torch.rand(count, 1, 6, 6, generator=generator())
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("quality", [5, 20, 60, 90])
def test_jpeg_is_what_pillow_makes_of_it(quality):
    images = (faces(3) * 255).round() / 255
    ours = (jpeg(images, torch.full((3,), float(quality))) * 255).round()
    for one, picture in zip(ours, images, strict=True):
        buffer = io.BytesIO()
        Image.fromarray((picture[0] * 255).round().to(torch.uint8).numpy()).save(buffer, "JPEG", quality=quality)
        theirs = np.asarray(Image.open(buffer)).astype(float)
        assert np.abs(one[0].numpy() - theirs).mean() < 0.6


def test_jpeg_takes_sides_that_are_no_multiple_of_eight():
    images = faces(2, 44)
    assert (jpeg(images, torch.tensor([95.0, 95.0])) - images).abs().mean() < 0.02


def test_some_faces_are_degraded_and_others_left_as_they_are():
    images = faces()
    out = degrade(images, 0.3, generator())
    changed = (out != images).flatten(1).any(1)
    assert 8 < int(changed.sum()) < 32
    assert torch.equal(out, degrade(images, 0.3, generator()))
    assert torch.equal(degrade(images, 0.0, generator()), images)


def test_a_covered_face_has_a_doubtful_target():
    images, targets = faces(), torch.eye(7).repeat(6, 1)[:40]
    out, doubtful = cover_faces(images, targets, 0.5, generator())
    covered = (out != images).flatten(1).any(1)
    assert 8 < int(covered.sum()) < 32
    assert torch.equal(doubtful[~covered], targets[~covered])
    assert torch.allclose(doubtful.sum(1), torch.ones(40))
    assert torch.allclose(doubtful[covered].amax(1), torch.tensor(1 - COVERED_DOUBT + COVERED_DOUBT / 7))
    share = (out != images).float().mean(dim=(1, 2, 3))[covered]
    assert share.min() > 0.05
    assert share.max() < 0.55
