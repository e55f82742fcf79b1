"""Several processes that train one network, started by torchrun; with one process nothing of it does anything."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def join(device: torch.device) -> torch.device:
    """Join the other processes where torchrun started several, and return the device that is this one's own."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda" and dist.is_initialized():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def leave() -> None:
    """Take leave of the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def is_first_process() -> bool:
    """Return whether this process is the one that writes and speaks."""
    return not dist.is_initialized() or dist.get_rank() == 0


def share_gradients(network: nn.Module) -> nn.Module:
    """Return the network, wrapped so that its gradients are averaged over the processes.

    On GPUs batch norm takes its mean and variance over all processes' pictures; on CPUs over its own.
    """
    if not dist.is_initialized():
        return network
    if next(network.parameters()).is_cuda:
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return DistributedDataParallel(network)


def own_share(batch: Tensor) -> Tensor:
    """Return this process's rows of a batch that all processes made alike."""
    return batch[dist.get_rank() :: dist.get_world_size()] if dist.is_initialized() else batch


def mean_of_processes(value: Tensor) -> Tensor:
    """Return the mean of a value over all processes."""
    if dist.is_initialized():
        value = value.clone()
        dist.all_reduce(value)
        value /= dist.get_world_size()
    return value
