"""A study goes on where it was stopped."""

from dataclasses import replace

import pytest
import torch

from train.search import search

CPU = torch.device("cpu")

# Optuna says so of retrying trials whose process died.
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_trials_add_up_and_the_best_is_known(patterns, tiny_config, tmp_path):
    base = replace(tiny_config, epochs=1)
    lines = []
    search(base, patterns, tmp_path, 2, CPU, lines.append)
    study = search(base, patterns, tmp_path, 1, CPU, lines.append)
    assert len(study.trials) == 3
    assert len(lines) == 3
    assert study.best_value == max(trial.value for trial in study.trials)
    assert {"rate", "weight_decay", "smoothing", "mix", "erase", "dropout"} == set(study.best_params)
    assert (tmp_path / "trial-2" / "run.json").is_file()
