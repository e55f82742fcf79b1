"""What the repository brings fits the real pictures; FER2013 is nobody's to pass on: these tests ask where it lies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from train.data import TRAINING, load
from train.duplicates import NEAR_TWINS, training_rows
from train.near_twins import find_near_twins

CSV, FERPLUS = os.environ.get("FER2013_CSV"), os.environ.get("FERPLUS_CSV")

pytestmark = [
    pytest.mark.dataset,
    pytest.mark.skipif(not (CSV and FERPLUS), reason="FER2013_CSV and FERPLUS_CSV don't name the data set"),
]


def test_the_twins_are_those_of_the_pictures_and_none_is_trained_on():
    data = load(Path(CSV), Path(FERPLUS))
    with np.load(NEAR_TWINS) as known:
        assert str(known["data_sha256"]) == data.sha256
    rows, left_out = training_rows(data)
    assert left_out["photograph_in_test"] > 3000
    # Pictures drawn by chance have no twin that the search would find once more.
    some = np.random.default_rng(7).choice(len(rows.labels), 200, replace=False)
    tests = data.where(data.split != TRAINING).pixels
    assert len(find_near_twins(rows.pixels[some], tests)[0]) == 0
