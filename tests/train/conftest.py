"""A small data set of seven patterns that a network learns within a few epochs."""

import socket

import numpy as np
import pytest

from train.config import TrainConfig
from train.data import PRIVATE_TEST, PUBLIC_TEST, TRAINING, FerData


@pytest.fixture(scope="session")
def patterns():
    """84 training, 28 public and 28 private pictures: class c is a grating of its own period."""
    rng = np.random.default_rng(5)
    labels = np.tile(np.arange(7, dtype=np.uint8), 20)
    # So much noise that no two pictures of a class are taken for the same photograph.
    pixels = rng.integers(0, 140, (140, 48, 48)).astype(np.uint8)
    for row, label in enumerate(labels):
        period = (2, 4, 6, 8, 12, 16, 24)[label]
        pixels[row, np.arange(48) % period < period // 2] += 110
    split = np.repeat([TRAINING, PUBLIC_TEST, PRIVATE_TEST], [84, 28, 28])
    return FerData(pixels, labels, split)


@pytest.fixture(scope="session")
def tiny_config():
    """A network of a few thousand weights, three epochs."""
    network = {"name": "expression_net", "widths": [8, 8], "blocks": [1, 1], "dropout": 0.1}
    return TrainConfig("tiny", network, epochs=3, batch=16, ema=0.5)


@pytest.fixture
def free_port():
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
