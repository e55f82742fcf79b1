"""The training loop: resumable after a kill, with the averaged weights of the best epoch kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fer_core.device import working_dtype
from fer_core.errors import FerError
from fer_core.faces.preprocess import normalise
from fer_core.model.efficientnet import EfficientNetLite0, take_imagenet_weights
from fer_core.model.face_resnet import FaceResNet
from fer_core.model.model_card import file_sha256
from fer_core.model.network import build_network
from train.augment import augment, mix_up
from train.checkpoint import load_weights, open_folder, save
from train.config import TrainConfig
from train.data import PUBLIC_TEST, TRAINING, FerData
from train.degrade import cover_faces
from train.duplicates import training_rows
from train.face_start import WEIGHTS_FILE, take_face_weights
from train.optimizer import freeze_depthwise, make_optimizer, make_schedule
from train.pretrained import imagenet_weights
from train.processes import is_first_process, mean_of_processes, own_share, share_gradients
from train.state import Epoch, Run
from train.targets import SoftLabels, class_weights, fold_of, soft_targets


def start(config: TrainConfig, rows: FerData, device: torch.device, weights: Path | None = None) -> Run:
    """Make a fresh run for the training pictures `rows`, from random weights, ImageNet's, or those in `weights`."""
    torch.manual_seed(config.seed)
    network = build_network(config.architecture)
    scaled = rows.pixels.astype(np.float32) / 255
    mean, std = float(scaled.mean()), float(scaled.std())
    if config.pretrained and isinstance(network, EfficientNetLite0):
        take_imagenet_weights(network, imagenet_weights(config.pretrained))
    if isinstance(network, FaceResNet) and weights is not None and weights.is_dir():
        faces = normalise(torch.from_numpy(rows.pixels[:512]), config.side, mean, std)
        take_face_weights(network, weights, faces, mean, std)
    elif weights is not None:
        load_weights(network, weights)
    if config.freeze_depthwise:
        freeze_depthwise(network)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)  # type: ignore[no-untyped-call]
    if config.compiled and device.type == "cuda":
        network.compile()
    optimizer = make_optimizer(network, config)
    schedule = make_schedule(optimizer, config, config.epochs * (len(rows.labels) // config.batch))
    model = share_gradients(network)
    return Run(config, network, model, averaged, optimizer, schedule, device, len(rows.labels), mean, std)


def train(
    config: TrainConfig,
    data: FerData,
    folder: Path,
    device: torch.device,
    watch: Callable[[Run], None] = lambda _: None,
    start_from: Path | None = None,
    soft_labels: SoftLabels | None = None,
) -> Run:
    """Train in `folder` until the last epoch, going on from its checkpoint if there is one.

    `watch` is called after each epoch, once it is saved. `start_from`: weights (safetensors) of the same network to
    begin with, or the folder of dlib's. `soft_labels`: the teachers' soft labels, where the recipe learns from them.

    Raises FerError where the folder holds a run of another recipe or other data.
    """
    data.needed(TRAINING)
    public = data.needed(PUBLIC_TEST)
    rows, left_out = training_rows(data, config.protocol)
    if len(rows.labels) < config.batch:
        raise FerError(
            f"{len(rows.labels)} pictures are left to train on, fewer than a batch of {config.batch}.", "no_data"
        )
    targets = soft_targets(rows, config, soft_labels)
    if config.folds and not 0 <= config.fold < config.folds:
        raise FerError(f"Of {config.folds} folds, number {config.fold} is none: they count from 0.", "no_data")
    if config.folds:
        kept = fold_of(rows, config.folds) != config.fold
        rows, targets = rows.where(kept), targets[torch.from_numpy(kept)]
    if start_from is not None and not start_from.exists():
        raise FerError(f"There are no weights at {start_from}.", "no_pretrained")
    if start_from is not None:
        file = start_from / WEIGHTS_FILE if start_from.is_dir() else start_from
        config = replace(config, warm_start=file_sha256(file))
    run = start(config, rows, device, start_from)
    open_folder(folder, run, data.sha256, left_out)
    while not run.finished:
        run.history.append(_epoch(run, rows, targets, public))
        if is_first_process():
            save(folder, run)
        watch(run)
    return run


def _epoch(run: Run, rows: FerData, targets: Tensor, public: FerData) -> Epoch:
    begun = time.monotonic()
    rate = max(float(group["lr"]) for group in run.optimizer.param_groups)
    number = len(run.history) + 1
    train_loss = _train_epoch(run, rows, targets, number)
    loss, accuracy = score(run.averaged.module, public, run)
    if isinstance(run.schedule, ReduceLROnPlateau):
        run.schedule.step(loss)
    return Epoch(number, rate, train_loss, loss, accuracy, time.monotonic() - begun)


def score(network: nn.Module, data: FerData, run: Run) -> tuple[float, float]:
    """Return cross-entropy and accuracy of a network on `data`."""
    logits = predict_logits(network, data, run)
    labels = torch.from_numpy(data.labels.astype(np.int64))
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


def predict_logits(network: nn.Module, data: FerData, run: Run) -> Tensor:
    """Return logits (N, 7) on the CPU in float32, from the middle crop."""
    network.eval()
    parts = []
    with torch.inference_mode(), _precision(run.device):
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
    weights = class_weights(data).to(run.device) if config.balanced else None
    total, steps = torch.zeros((), device=run.device), 0
    run.network.train()
    for images, target in _batches(data, targets, order, run, generator, plain):
        x = ((images - run.mean) / run.std).contiguous(memory_format=torch.channels_last)
        with _precision(run.device):
            logits = run.model(x)
        loss = F.cross_entropy(logits.float(), target, weights)
        run.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        if isinstance(run.schedule, OneCycleLR):
            run.schedule.step()
        run.averaged.update_parameters(run.network)
        total, steps = total + loss.detach(), steps + 1
    return float(mean_of_processes(total / steps))


def _precision(device: torch.device) -> torch.autocast:
    """Return bf16 autocast where the chip multiplies bf16; fp16 would need its losses scaled."""
    return torch.autocast(device.type, torch.bfloat16, enabled=working_dtype(device) is torch.bfloat16)


def _batches(
    data: FerData, targets: Tensor, order: Tensor, run: Run, generator: torch.Generator, plain: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pictures (N, 1, side, side) in [0, 1] and targets (N, 7) on the run's device; this process's share."""
    config, device = run.config, run.device
    pixels, targets = torch.from_numpy(data.pixels).to(device), targets.to(device)
    for begin in range(0, len(order) - config.batch + 1, config.batch):
        rows = order[begin : begin + config.batch].to(device)
        images = augment(pixels[rows].unsqueeze(1).float() / 255, config.side, config.augmentation, generator)
        target = targets[rows]
        if config.augmentation.cover:
            images, target = cover_faces(images, target, config.augmentation.cover, generator)
        if not plain and config.mix and float(torch.rand((), generator=generator)) < 0.5:
            images, target = mix_up(images, target, config.mix, generator)
        yield own_share(images), own_share(target)
