"""Training learns, and a run that was killed ends with the same weights."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fer_core.errors import FerError
from train.augmentation import Augmentation
from train.config import PRESETS
from train.duplicates import training_rows
from train.export import bare_card
from train.run import train
from train.targets import SoftLabels, fold_of, rows_sha256

STILL = Augmentation(degrees=0, scale=0, shift=0.05, light=0, erase=0)
CPU = torch.device("cpu")


def test_it_learns_and_keeps_the_best_epoch(patterns, tiny_config, tmp_path):
    lines = []
    config = replace(tiny_config, epochs=12, mix=0, augmentation=STILL)
    run = train(config, patterns, tmp_path, CPU, lambda run: lines.append(run.progress))
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


def test_a_run_of_an_earlier_version_goes_on_and_gives_a_card(patterns, tiny_config, tmp_path):
    train(replace(tiny_config, epochs=1), patterns, tmp_path, CPU)
    description = tmp_path / "run.json"
    about = json.loads(description.read_text())
    about["config"]["taught"] = about["config"].pop("soft_labels")
    description.write_text(json.dumps(about))
    assert len(train(replace(tiny_config, epochs=1), patterns, tmp_path, CPU).history) == 1
    assert bare_card(tmp_path, patterns, "earlier").recipe["soft_labels"] == 0.0


def test_a_run_does_not_go_on_with_other_rows_left_out(patterns, tiny_config, tmp_path):
    train(tiny_config, patterns, tmp_path, CPU)
    # The same pictures and labels, of which the votes now say that some are no faces.
    no_faces = np.arange(len(patterns.labels)) < 5
    with pytest.raises(FerError, match="other data"):
        train(tiny_config, replace(patterns, not_a_face=no_faces), tmp_path, CPU)


def test_patience_ends_a_run_and_a_plateau_lowers_the_rate(patterns, tiny_config, tmp_path):
    # A rate of zero never gets better, so patience runs out at once.
    config = replace(tiny_config, epochs=30, schedule="plateau", optimizer="adam", rate=1e-12, patience=3, ema=0.0)
    run = train(config, patterns, tmp_path, CPU)
    assert run.finished
    assert len(run.history) < 30
    assert run.history[-1].rate < run.history[0].rate
    again = train(config, patterns, tmp_path, CPU)
    assert len(again.history) == len(run.history)


def test_a_fold_is_not_trained_on(patterns, tiny_config, tmp_path):
    rows = training_rows(patterns)[0]
    run = train(replace(tiny_config, epochs=1, folds=3, fold=1), patterns, tmp_path, CPU)
    assert run.pictures == int((fold_of(rows, 3) != 1).sum()) < len(rows.labels)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_takes_a_step(name, patterns, tmp_path):
    labels = SoftLabels(np.full((84, 7), 1 / 7, np.float32), rows_sha256(training_rows(patterns)[0]), "nobody")
    config = replace(PRESETS[name], epochs=1, batch=28)
    if config.architecture["name"] == "expression_net":
        # The full width takes up to a minute a step without a GPU, and says nothing more.
        config = replace(config, architecture=config.architecture | {"widths": [8, 8, 8, 8]})
    run = train(config, patterns, tmp_path, CPU, soft_labels=labels)
    assert np.isfinite(run.history[0].train_loss)
    assert (tmp_path / "best.safetensors").is_file()


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


def test_weights_that_cannot_be_started_from_are_named(patterns, tiny_config, tmp_path):
    with pytest.raises(FerError, match="no weights at"):
        train(tiny_config, patterns, tmp_path / "run", CPU, start_from=tmp_path / "missing.safetensors")
    text = tmp_path / "text.safetensors"
    text.write_text("no weights")
    with pytest.raises(FerError, match="safetensors format"):
        train(tiny_config, patterns, tmp_path / "run", CPU, start_from=text)
    train(tiny_config, patterns, tmp_path / "other", CPU)
    larger = replace(tiny_config, architecture=tiny_config.architecture | {"widths": [8, 16]})
    with pytest.raises(FerError, match="another network"):
        train(larger, patterns, tmp_path / "run", CPU, start_from=tmp_path / "other" / "best.safetensors")


def test_data_that_cannot_be_trained_on_are_refused(patterns, tiny_config, tmp_path):
    for split in ("Training", "PublicTest"):
        with pytest.raises(FerError, match=f"no {split} rows"):
            train(tiny_config, patterns.where(patterns.split != split), tmp_path, CPU)
    with pytest.raises(FerError, match="count from 0"):
        train(replace(tiny_config, folds=3, fold=3), patterns, tmp_path, CPU)
    with pytest.raises(FerError, match="fewer than a batch"):
        train(replace(tiny_config, batch=100), patterns, tmp_path, CPU)


def test_covered_faces_take_part(patterns, tiny_config, tmp_path):
    config = replace(tiny_config, epochs=1, augmentation=replace(STILL, cover=1.0))
    covered = train(config, patterns, tmp_path / "covered", CPU).history[0].train_loss
    plain = train(replace(config, augmentation=STILL), patterns, tmp_path / "plain", CPU).history[0].train_loss
    assert covered != plain


class Planted:
    """What a pickle would call when it is opened: it leaves a folder behind."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.attack("training: a checkpoint of a run in whose place somebody put a pickle with code, and a cut one")
def test_code_in_a_checkpoint_is_never_run(patterns, tiny_config, tmp_path, attack):
    folder, mark = tmp_path / "run", tmp_path / "it was run"
    train(replace(tiny_config, epochs=1), patterns, folder, CPU)
    whole = (folder / "last.pt").read_bytes()

    def go_on():
        return train(replace(tiny_config, epochs=1), patterns, folder, CPU)

    torch.save({"network": Planted(mark)}, folder / "last.pt")
    attack(go_on, "no_checkpoint")
    torch.save(Planted(mark), folder / "last.pt", _use_new_zipfile_serialization=False)
    attack(go_on, "no_checkpoint")
    (folder / "last.pt").write_bytes(whole[: len(whole) // 2])
    attack(go_on, "no_checkpoint")
    assert not mark.exists()
