"""The optimizer of a recipe and its schedule: which weights decay, which learn slower, and when."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from train.config import TrainConfig

Schedule = OneCycleLR | ReduceLROnPlateau


def layer_depths(network: nn.Module) -> dict[str, int]:
    """Return how many layers each parameter lies below the last one, 0 for the classifier.

    A layer is a direct child of the network, or of its `stages`.
    """
    names = []
    for child, module in network.named_children():
        names += [f"{child}.{part}." for part, _ in module.named_children()] if child == "stages" else [f"{child}."]
    return {
        parameter: next(depth for depth, name in enumerate(reversed(names)) if parameter.startswith(name))
        for parameter, _ in network.named_parameters()
    }


def freeze_depthwise(network: nn.Module) -> None:
    """Exclude depthwise filters from training."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.weight.requires_grad_(False)


def make_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Return the recipe's optimizer; biases and batch norms don't decay, lower layers learn slower if it says so."""
    depths = layer_depths(network)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((depths[name], parameter.ndim > 1), []).append(parameter)
    options = [
        {
            "params": parameters,
            "weight_decay": config.weight_decay if decays else 0.0,
            "lr": config.rate * config.layer_decay**depth,
        }
        for (depth, decays), parameters in groups.items()
    ]
    if config.optimizer == "adam":
        return torch.optim.AdamW(options, lr=config.rate)
    return torch.optim.SGD(options, lr=config.rate, momentum=config.momentum, nesterov=True)


def make_schedule(optimizer: torch.optim.Optimizer, config: TrainConfig, steps: int) -> Schedule:
    """Return the recipe's schedule over `steps` batches; a plateau's is stepped once an epoch instead."""
    if config.schedule == "plateau":
        return ReduceLROnPlateau(optimizer, factor=0.5, patience=max(1, config.patience // 3), eps=0.0)
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    return OneCycleLR(optimizer, rates, total_steps=steps, pct_start=0.25, cycle_momentum=False)
