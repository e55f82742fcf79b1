"""Training learns, and a run that was killed ends with the same weights."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from fer_core.errors import FerError
from train.augment import Augmentation
from train.config import PRESETS
from train.run import soft_targets, train

STILL = Augmentation(degrees=0, scale=0, shift=0.05, light=0, erase=0)
CPU = torch.device("cpu")


def test_it_learns_and_keeps_the_best_epoch(patterns, tiny_config, tmp_path):
    lines = []
    run = train(replace(tiny_config, epochs=12, mix=0, augmentation=STILL), patterns, tmp_path, CPU, lines.append)
    assert run.best.public_accuracy > 0.6
    assert run.history[-1].train_loss < run.history[0].train_loss
    assert len(lines) == 12
    assert "PublicTest" in lines[0]


class Killed(Exception):
    """Stands for a kill between two epochs."""


def test_a_killed_run_ends_with_the_same_weights(patterns, tiny_config, tmp_path):
    def die(_line):
        raise Killed

    train(tiny_config, patterns, tmp_path / "whole", CPU)
    with pytest.raises(Killed):
        train(tiny_config, patterns, tmp_path / "killed", CPU, die)
    with pytest.raises(Killed):
        train(tiny_config, patterns, tmp_path / "killed", CPU, die)
    train(tiny_config, patterns, tmp_path / "killed", CPU)
    whole = torch.load(tmp_path / "whole" / "last.pt", weights_only=True)
    killed = torch.load(tmp_path / "killed" / "last.pt", weights_only=True)
    for name, value in whole["network"].items():
        assert torch.equal(value, killed["network"][name]), name
    best = load_file(tmp_path / "whole" / "best.safetensors")
    for name, value in load_file(tmp_path / "killed" / "best.safetensors").items():
        assert torch.equal(value, best[name]), name


def test_another_recipe_does_not_go_on_in_the_same_folder(patterns, tiny_config, tmp_path):
    train(tiny_config, patterns, tmp_path, CPU)
    with pytest.raises(FerError, match="another recipe"):
        train(replace(tiny_config, rate=0.05), patterns, tmp_path, CPU)


def test_targets_sum_to_one(patterns):
    targets = soft_targets(patterns, PRESETS["quick"])
    assert torch.allclose(targets.sum(1), torch.ones(len(targets)))
    assert (targets.argmax(1).numpy() == patterns.labels).all()


def test_a_run_can_start_from_the_weights_of_another(patterns, tiny_config, tmp_path):
    first = train(tiny_config, patterns, tmp_path / "first", CPU)
    weights = tmp_path / "first" / "best.safetensors"
    # Next to no learning: what comes out is what went in.
    still = replace(tiny_config, rate=1e-9, epochs=1, ema=0.0)
    second = train(still, patterns, tmp_path / "second", CPU, start_from=weights)
    assert second.config.warm_start
    assert first.config.warm_start == ""
    for name, value in load_file(weights).items():
        if name.endswith("weight"):
            assert torch.allclose(load_file(tmp_path / "second" / "best.safetensors")[name], value, atol=1e-5), name
