"""The training loop: resumable after a kill, with the averaged weights of the best epoch kept."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fer_core.emotions import Emotion
from fer_core.errors import FerError
from fer_core.model_card import file_sha256
from fer_core.network import build_network
from fer_core.preprocess import normalise
from train.augment import augment, mix_up
from train.config import TrainConfig
from train.data import PUBLIC_TEST, FerData, training_rows


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
    """A run under way: everything that a resumed process needs to end with the same weights."""

    config: TrainConfig
    network: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.SGD
    schedule: OneCycleLR
    device: torch.device
    pictures: int
    mean: float
    std: float
    history: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest accuracy on PublicTest, the earlier one of equals."""
        return max(self.history, key=lambda epoch: (epoch.public_accuracy, -epoch.epoch), default=None)


def soft_targets(data: FerData, config: TrainConfig) -> Tensor:
    """Return the training targets (N, 7): smoothed labels, mixed with the FER+ votes where there are any."""
    hard = torch.from_numpy(np.eye(len(Emotion), dtype=np.float32)[data.labels])
    target = hard * (1 - config.smoothing) + config.smoothing / len(Emotion)
    if config.ferplus and data.votes is not None:
        votes = torch.from_numpy(data.votes)
        voted = ~votes.isnan().any(dim=1)
        target[voted] = (1 - config.ferplus) * target[voted] + config.ferplus * votes[voted]
    return target


def start(config: TrainConfig, data: FerData, device: torch.device) -> Run:
    """Make a fresh run for training data of `data`."""
    torch.manual_seed(config.seed)
    network = build_network(config.architecture).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)  # type: ignore[no-untyped-call]
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD(
        [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=config.rate,
        momentum=config.momentum,
        nesterov=True,
    )
    steps = config.epochs * (len(data.labels) // config.batch)
    schedule = OneCycleLR(optimizer, config.rate, total_steps=steps, pct_start=0.25, cycle_momentum=False)
    scaled = data.pixels.astype(np.float32) / 255
    mean, std = float(scaled.mean()), float(scaled.std())
    return Run(config, network, averaged, optimizer, schedule, device, len(data.labels), mean, std)


def train(
    config: TrainConfig,
    data: FerData,
    folder: Path,
    device: torch.device,
    say: Callable[[str], None] = lambda _: None,
    start_from: Path | None = None,
) -> Run:
    """Train in `folder` until the last epoch, going on from its checkpoint if there is one.

    `start_from`: weights (safetensors) of the same network to begin with, instead of random ones.

    Raises FerError where the folder holds a run of another recipe or other data.
    """
    rows, left_out = training_rows(data)
    public = data.of(PUBLIC_TEST)
    if start_from is not None:
        config = replace(config, warm_start=file_sha256(start_from))
    run = start(config, rows, device)
    if start_from is not None:
        run.network.load_state_dict(load_file(start_from))
        run.averaged.module.load_state_dict(run.network.state_dict())
    _open_folder(folder, run, data, left_out)
    targets = soft_targets(rows, config)
    for number in range(len(run.history) + 1, config.epochs + 1):
        begun = time.monotonic()
        rate = float(run.schedule.get_last_lr()[0])
        train_loss = _train_epoch(run, rows, targets, number)
        loss, accuracy = score(run.averaged.module, public, run)
        epoch = Epoch(number, rate, train_loss, loss, accuracy, time.monotonic() - begun)
        run.history.append(epoch)
        _save(folder, run)
        left_s = (config.epochs - number) * float(np.median([e.seconds for e in run.history]))
        say(
            f"epoch {number}/{config.epochs}  train loss {train_loss:.3f}  PublicTest {accuracy:.2%}"
            f"  {epoch.seconds:.0f} s  {left_s / 60:.0f} min left"
        )
    return run


def score(network: nn.Module, data: FerData, run: Run) -> tuple[float, float]:
    """Return cross-entropy and accuracy of a network on `data`."""
    logits = predict_logits(network, data, run)
    labels = torch.from_numpy(data.labels.astype(np.int64))
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


def predict_logits(network: nn.Module, data: FerData, run: Run) -> Tensor:
    """Return logits (N, 7) on the CPU in float32, from the middle crop."""
    network.eval()
    parts = []
    with torch.inference_mode(), torch.autocast(run.device.type, torch.bfloat16):
        for begin in range(0, len(data.labels), 512):
            grey = torch.from_numpy(data.pixels[begin : begin + 512])
            x = normalise(grey, run.config.side, run.mean, run.std).to(run.device)
            parts.append(network(x.contiguous(memory_format=torch.channels_last)).float().cpu())
    return torch.cat(parts)


def _train_epoch(run: Run, data: FerData, targets: Tensor, number: int) -> float:
    """Train one epoch and return the mean loss; its randomness depends on seed and epoch alone, so it can be redone."""
    config = run.config
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + number)
    torch.manual_seed(config.seed * 1_000_003 + number)
    order = torch.randperm(len(data.labels), generator=generator)
    plain = number > config.epochs * (1 - config.plain_share)
    total, steps = 0.0, 0
    run.network.train()
    for images, target in _batches(data, targets, order, config, generator, plain):
        x = ((images - run.mean) / run.std).to(run.device, memory_format=torch.channels_last)
        with torch.autocast(run.device.type, torch.bfloat16):
            logits = run.network(x)
        loss = F.cross_entropy(logits.float(), target.to(run.device))
        run.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        run.schedule.step()
        run.averaged.update_parameters(run.network)
        total, steps = total + float(loss.detach()), steps + 1
    return total / steps


def _batches(
    data: FerData, targets: Tensor, order: Tensor, config: TrainConfig, generator: torch.Generator, plain: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    pixels = torch.from_numpy(data.pixels)
    for begin in range(0, len(order) - config.batch + 1, config.batch):
        rows = order[begin : begin + config.batch]
        images = augment(pixels[rows].unsqueeze(1).float() / 255, config.side, config.augmentation, generator)
        target = targets[rows]
        if not plain and config.mix and float(torch.rand((), generator=generator)) < 0.5:
            images, target = mix_up(images, target, config.mix, generator)
        yield images, target


def _open_folder(folder: Path, run: Run, data: FerData, left_out: dict[str, int]) -> None:
    """Write the run's description, or take its checkpoint up where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "config": run.config.to_dict(),
        "data_sha256": data.sha256,
        "left_out": left_out,
        "training_pictures": run.pictures,
        "mean": run.mean,
        "std": run.std,
    }
    description, checkpoint = folder / "run.json", folder / "last.pt"
    if not checkpoint.exists():
        description.write_text(json.dumps(about | {"git": _git_hash()}, indent=1) + "\n")
        return
    kept = json.loads(description.read_text())
    if any(kept[key] != json.loads(json.dumps(about[key])) for key in ("config", "data_sha256")):
        raise FerError(f"{folder} holds a run of another recipe or other data; choose another folder.", "other_run")
    state = torch.load(checkpoint, weights_only=True)
    run.network.load_state_dict(state["network"])
    run.averaged.load_state_dict(state["averaged"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.schedule.load_state_dict(state["schedule"])
    run.history.extend(Epoch(**epoch) for epoch in state["history"])


def _save(folder: Path, run: Run) -> None:
    """Write the checkpoint, the curves, and the best weights where this epoch is the best; each file whole or not."""
    state = {
        "network": run.network.state_dict(),
        "averaged": run.averaged.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "history": [asdict(epoch) for epoch in run.history],
    }
    if run.best is run.history[-1]:
        weights = {name: value.cpu().contiguous() for name, value in run.averaged.module.state_dict().items()}
        save_file(weights, folder / "best.tmp")
        (folder / "best.tmp").replace(folder / "best.safetensors")
    torch.save(state, folder / "last.tmp")
    (folder / "last.tmp").replace(folder / "last.pt")
    lines = "".join(json.dumps(asdict(epoch)) + "\n" for epoch in run.history)
    (folder / "epochs.jsonl").write_text(lines)


def _git_hash() -> str:
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()
