"""Search for hyper-parameters with Optuna: resumable, prunes hopeless trials, shared by several processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import torch
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback

from train.config import TrainConfig
from train.data import FerData
from train.run import train
from train.state import Run


def search(
    base: TrainConfig,
    data: FerData,
    folder: Path,
    trials: int,
    device: torch.device,
    say: Callable[[str], None] = lambda _: None,
) -> optuna.Study:
    """Run `trials` more trials of the study in ``folder/study.db`` and return it; PublicTest's accuracy decides.

    A trial whose process died is tried again. Several processes may share the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    storage = RDBStorage(
        f"sqlite:///{folder / 'study.db'}",
        heartbeat_interval=60,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=3),
    )
    study = optuna.create_study(
        study_name=base.preset,
        storage=storage,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=base.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=base.epochs // 4),
    )

    def objective(trial: optuna.Trial) -> float:
        def watch(run: Run) -> None:
            trial.report(run.history[-1].public_accuracy, run.history[-1].epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        run = train(suggest(trial, base), data, folder / f"trial-{trial.number}", device, watch)
        say(f"trial {trial.number}: PublicTest {run.best.public_accuracy if run.best else 0:.2%}  {trial.params}")
        return run.best.public_accuracy if run.best else 0.0

    study.optimize(objective, n_trials=trials)
    return study


def suggest(trial: optuna.Trial, base: TrainConfig) -> TrainConfig:
    """Return the preset with what the trial proposes."""
    architecture = dict(base.architecture)
    architecture["dropout"] = trial.suggest_float("dropout", 0.1, 0.5)
    return replace(
        base,
        architecture=architecture,
        rate=trial.suggest_float("rate", base.rate / 5, base.rate * 3, log=True),
        weight_decay=trial.suggest_float("weight_decay", 5e-5, 2e-3, log=True),
        smoothing=trial.suggest_float("smoothing", 0.0, 0.2),
        mix=trial.suggest_float("mix", 0.0, 0.6),
        augmentation=replace(base.augmentation, erase=trial.suggest_float("erase", 0.0, 0.6)),
    )
