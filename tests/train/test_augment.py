"""Variation of batches."""

from dataclasses import replace

import torch

from train.augment import augment, mix_up
from train.augmentation import HARSH, Augmentation

STILL = Augmentation(degrees=0, scale=0, shift=0, light=0, erase=0, flip=0)


def batch():
    return torch.rand(6, 1, 48, 48, generator=torch.Generator().manual_seed(1))


def generator():
    return torch.Generator().manual_seed(2)


def test_without_variation_it_is_the_middle_crop():
    images = batch()
    assert torch.allclose(augment(images, 44, STILL, generator()), images[:, :, 2:46, 2:46], atol=1e-5)


def test_a_flip_alone_mirrors():
    images = batch()
    mirrored = augment(images, 48, Augmentation(0, 0, 0, 0, 0, flip=1), generator())
    assert torch.allclose(mirrored, images.flip(3), atol=1e-5)


def test_the_same_seed_gives_the_same_pictures_within_range():
    first = augment(batch(), 44, Augmentation(erase=1), generator())
    second = augment(batch(), 44, Augmentation(erase=1), generator())
    assert torch.equal(first, second)
    assert first.min() >= 0
    assert first.max() <= 1
    assert not torch.equal(first, augment(batch(), 44, Augmentation(erase=1), torch.Generator().manual_seed(3)))


def test_mixing_keeps_targets_a_distribution():
    images, targets = mix_up(batch(), torch.eye(7)[:6], 0.2, generator())
    assert torch.allclose(targets.sum(1), torch.ones(6))
    assert images.shape == (6, 1, 48, 48)


def test_harsh_variation_stays_within_range_and_is_reproducible():
    first, again = (augment(batch(), 44, HARSH, generator()) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (6, 1, 44, 44)
    assert first.min() >= 0
    assert first.max() <= 1


def test_dimmed_faces_have_few_grey_levels_left():
    dimmed = augment(batch(), 48, replace(STILL, dim=1.0), generator())
    assert dimmed.amax() <= 0.6
    assert torch.equal((dimmed * 255).round() / 255, dimmed)


def test_gamma_changes_the_middle_but_not_black_and_white():
    images = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3).repeat(6, 1, 3, 1)
    bent = augment(images, 3, replace(STILL, gamma=0.5), generator())
    assert torch.equal(bent[..., 0], images[..., 0])
    assert torch.equal(bent[..., 2], images[..., 2])
    middle = bent[:, 0, 0, 1]
    assert middle.std() > 0.03
    assert (middle > 0.5**1.65).all()
    assert (middle < 0.5**0.6).all()


def test_contrast_lies_between_its_least_and_most():
    images = batch() * 0.2 + 0.4
    stretched = augment(images, 48, replace(STILL, contrast=(1.5, 1.8)), generator())
    ratio = stretched.std(dim=(1, 2, 3)) / images.std(dim=(1, 2, 3))
    assert ratio.min() > 1.49
    assert ratio.max() < 1.81
