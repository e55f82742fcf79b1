"""A run under way, and one line of its curves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from train.config import TrainConfig
from train.optimizer import Schedule


@dataclass(frozen=True)
class Epoch:
    """One line of the curves: losses are cross-entropies, accuracies shares of 1, `seconds` wall-clock time."""

    epoch: int
    rate: float
    train_loss: float
    public_loss: float
    public_accuracy: float
    seconds: float


@dataclass
class Run:
    """A run under way: everything that a resumed process needs to end with the same weights.

    `model` is what a batch goes through: `network` itself, or the wrapper that shares its gradients with the other
    processes.
    """

    config: TrainConfig
    network: nn.Module
    model: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    device: torch.device
    pictures: int
    mean: float
    std: float
    history: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest accuracy on PublicTest, the earlier one of equals."""
        return max(self.history, key=lambda epoch: (epoch.public_accuracy, -epoch.epoch), default=None)

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, or patience has run out."""
        if len(self.history) >= self.config.epochs:
            return True
        losses = [epoch.public_loss for epoch in self.history]
        if not self.config.patience or not losses:
            return False
        return len(losses) - 1 - int(np.argmin(losses)) >= self.config.patience

    @property
    def progress(self) -> str:
        """A line on the last epoch: loss, accuracy, seconds, and the minutes that are left at most."""
        last, epochs = self.history[-1], self.config.epochs
        left_s = (epochs - last.epoch) * float(np.median([epoch.seconds for epoch in self.history]))
        return (
            f"epoch {last.epoch}/{epochs}  train loss {last.train_loss:.3f}  PublicTest {last.public_accuracy:.2%}"
            f"  {last.seconds:.0f} s  {left_s / 60:.0f} min left"
        )
