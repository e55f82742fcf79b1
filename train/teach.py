"""Soft labels for a student: the mean of several teachers' calibrated probabilities for each training picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fer_core.emotions import Emotion
from fer_core.errors import FerError
from fer_core.model.classifier import Classifier
from train.calibrate import fit_temperature, rescale
from train.data import PUBLIC_TEST, FerData
from train.duplicates import training_rows
from train.export import bare_card, load_network
from train.report import trained_here
from train.targets import SoftLabels, fold_of, rows_sha256


def teach(runs: Sequence[Path], data: FerData, device: torch.device, in_sample: bool = False) -> SoftLabels:
    """Return the soft labels that finished runs give to the training pictures.

    A run that left a fold out teaches that fold alone, so that no picture is labelled by a network that learned it.
    A run without folds has seen all of them and teaches only with `in_sample`.

    Raises FerError where a run is missing, belongs to other data, has seen the pictures, or some have no teacher.
    """
    rows = training_rows(data)[0]
    total = np.zeros((len(rows.labels), len(Emotion)))
    teachers = np.zeros(len(rows.labels), int)
    public = data.of(PUBLIC_TEST)
    for run in runs:
        card = bare_card(run, data, run.name)
        if card.saw_near_twins(trained_here()):
            raise FerError(f"{run} was trained on photographs of the tests; its labels would tell them.", "saw_tests")
        classifier = Classifier(card, load_network(card, run / "best.safetensors"), device)
        folds, fold = card.recipe["folds"], card.recipe["fold"]
        if not folds and not in_sample:
            raise FerError(f"{run} was trained on every picture; its labels would be learnt by heart.", "in_sample")
        unseen = fold_of(rows, folds) == fold if folds else np.ones(len(rows.labels), bool)
        temperature = fit_temperature(classifier.probabilities(public.pixels), public.labels)
        total[unseen] += rescale(classifier.probabilities(rows.pixels[unseen]), temperature)
        teachers[unseen] += 1
    if not teachers.all():
        raise FerError(
            f"{int((teachers == 0).sum())} training pictures have no teacher; a fold is missing.", "no_teacher"
        )
    return SoftLabels(
        (total / teachers[:, None]).astype(np.float32), rows_sha256(rows), ", ".join(run.name for run in runs)
    )
