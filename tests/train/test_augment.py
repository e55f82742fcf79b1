"""Variation of batches."""

import torch

from train.augment import Augmentation, augment, mix_up

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
