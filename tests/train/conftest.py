"""A small data set of seven patterns that a network learns within a few epochs."""

import socket

import pytest

from tests import gratings
from train.config import TrainConfig


@pytest.fixture(scope="session")
def patterns():
    """84 training, 28 public and 28 private pictures: class c is a grating of its own period."""
    return gratings.data_set()


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
