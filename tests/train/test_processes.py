"""Two processes that share a batch end with the weights that one process gets."""

import os
from dataclasses import replace

import pytest
import torch
import torch.multiprocessing as multiprocessing
from safetensors.torch import load_file

from train.processes import join, leave
from train.run import train

pytestmark = pytest.mark.alone
NETWORK = {"name": "sequential", "widths": [4, 8], "dense": 8, "dropout": 0.0, "batch_norm": False}


def run_as(rank, port, config, data, folder):
    """Train as one of two processes."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    train(config, data, folder, join(torch.device("cpu")))
    leave()


def test_two_processes_equal_one(patterns, tiny_config, tmp_path, free_port):
    config = replace(tiny_config, architecture=NETWORK, side=48, epochs=2)
    train(config, patterns, tmp_path / "one", torch.device("cpu"))
    multiprocessing.spawn(run_as, (free_port, config, patterns, tmp_path / "two"), nprocs=2)
    one, two = load_file(tmp_path / "one" / "best.safetensors"), load_file(tmp_path / "two" / "best.safetensors")
    for name, value in one.items():
        # bf16 products are summed in another order.
        assert torch.allclose(value, two[name], atol=5e-3), name
    assert (tmp_path / "one" / "epochs.jsonl").read_text().count("\n") == 2
