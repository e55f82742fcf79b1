"""Teachers label what they have not seen."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fer_core.errors import FerError
from train.duplicates import training_rows
from train.run import train
from train.targets import rows_sha256
from train.teach import teach

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def runs(patterns, tiny_config, tmp_path_factory):
    """Two runs that leave out a fold each, and one that has seen everything."""
    folder = tmp_path_factory.mktemp("teachers")
    for fold in (0, 1):
        train(replace(tiny_config, epochs=4, folds=2, fold=fold), patterns, folder / f"fold-{fold}", CPU)
    train(replace(tiny_config, epochs=1), patterns, folder / "all", CPU)
    return folder


def test_every_picture_gets_a_label_from_the_teacher_that_left_it_out(runs, patterns):
    labels = teach([runs / "fold-0", runs / "fold-1"], patterns, CPU)
    rows = training_rows(patterns)[0]
    assert labels.rows_sha256 == rows_sha256(rows)
    assert labels.probabilities.shape == (len(rows.labels), 7)
    assert np.allclose(labels.probabilities.sum(1), 1, atol=1e-4)
    assert (labels.probabilities.argmax(1) == rows.labels).mean() > 1 / 7


def test_a_missing_fold_or_a_teacher_that_has_seen_all_is_refused(runs, patterns):
    with pytest.raises(FerError, match="no teacher"):
        teach([runs / "fold-0"], patterns, CPU)
    with pytest.raises(FerError, match="learnt by heart"):
        teach([runs / "all"], patterns, CPU)
    assert teach([runs / "all"], patterns, CPU, in_sample=True).teachers == "all"
