"""Labels, votes and teachers mixed into one target."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fer_core.errors import FerError
from train.config import PRESETS
from train.targets import SoftLabels, class_weights, fold_of, rows_sha256, soft_targets


def test_targets_sum_to_one(patterns):
    targets = soft_targets(patterns, PRESETS["quick"])
    assert torch.allclose(targets.sum(1), torch.ones(len(targets)))
    assert (targets.argmax(1).numpy() == patterns.labels).all()


def test_votes_and_teachers_have_their_shares(patterns):
    votes = np.zeros((len(patterns.labels), 7), np.float32)
    votes[:, 2] = 1
    votes[0] = np.nan
    teachers = np.zeros((len(patterns.labels), 7), np.float32)
    teachers[:, 5] = 1
    config = replace(PRESETS["quick"], smoothing=0.0, ferplus=0.25, soft_labels=0.4)
    soft_labels = SoftLabels(teachers, rows_sha256(patterns), "t")
    targets = soft_targets(replace(patterns, votes=votes), config, soft_labels)
    # Row 1 is labelled 1: .6 x (.75 own label + .25 votes) + .4 teacher; row 0 has no votes.
    assert targets[1].tolist() == pytest.approx([0, 0.45, 0.15, 0, 0, 0.4, 0])
    assert targets[0].tolist() == pytest.approx([0.6, 0, 0, 0, 0, 0.4, 0])


def test_soft_labels_survive_the_disk_and_are_small(patterns, tmp_path):
    rng = np.random.default_rng(0)
    labels = SoftLabels(rng.dirichlet(np.ones(7), 1000).astype(np.float32), "abc", "a, b")
    labels.save(tmp_path / "soft.safetensors")
    again = SoftLabels.load(tmp_path / "soft.safetensors")
    assert (again.rows_sha256, again.teachers) == ("abc", "a, b")
    assert np.abs(again.probabilities - labels.probabilities).max() < 0.005
    assert np.allclose(again.probabilities.sum(1), 1)
    assert (tmp_path / "soft.safetensors").stat().st_size < 7500


def test_a_file_without_soft_labels_is_named(tmp_path):
    (tmp_path / "text.safetensors").write_text("none")
    for name in ("text.safetensors", "missing.safetensors"):
        with pytest.raises(FerError, match="no soft labels"):
            SoftLabels.load(tmp_path / name)


def test_soft_labels_of_other_pictures_are_refused(patterns):
    with pytest.raises(FerError, match="name their file"):
        soft_targets(patterns, PRESETS["distil"])
    with pytest.raises(FerError, match="other training pictures"):
        soft_targets(patterns, PRESETS["distil"], SoftLabels(np.zeros((1, 7), np.float32), "other", "t"))


def test_rare_classes_weigh_more_and_the_mean_is_one(patterns):
    rows = patterns.where((patterns.labels != 3) | (np.arange(len(patterns.labels)) < 40))
    weights = class_weights(rows)
    assert weights[3] == weights.max()
    assert float(weights[torch.from_numpy(rows.labels.astype(np.int64))].mean()) == pytest.approx(1)
    assert float(class_weights(rows.where(rows.labels != 3))[3]) == 0


def test_folds_cover_everything_once(patterns):
    folds = fold_of(patterns, 4)
    assert set(folds.tolist()) == {0, 1, 2, 3}
    assert (fold_of(patterns, 4) == folds).all()
