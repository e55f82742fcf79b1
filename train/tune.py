"""Fine-tuning a model on labelled pictures of people of one's own, judged on FER2013 and on people held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.model.classifier import Classifier
from fer_core.model.model_card import ModelCard
from train.config import PEOPLE_NEEDED, PICTURES_EACH, TrainConfig, tuned
from train.data import PRIVATE_TEST, TRAINING, FerData
from train.duplicates import extended
from train.export import export
from train.folders import FolderSet
from train.held_out import Flags, agreement, change, enough, held_out, objection
from train.run import train
from train.state import Run


def recipe(card: ModelCard, seed: int = 1) -> TrainConfig:
    """Return the recipe that goes on from a model's weights."""
    return tuned(card.architecture, card.input.cut, seed)


def tune(
    path: Path,
    data: FerData,
    own: FolderSet,
    folder: Path,
    name: str,
    config: TrainConfig | None = None,
    needed: tuple[int, int] = (PEOPLE_NEEDED, PICTURES_EACH),
    watch: Callable[[Run], None] = lambda _: None,
) -> ModelCard:
    """Train the model of the card at `path` on FER2013 and own pictures together, and return the new model's card.

    Two thirds of the people are trained on. The best epoch, the calibration and the threshold come from PublicTest,
    and nothing from those held out. ``metrics["own"]`` of the card says how both models did, and why the new one should
    not be used, or null. FER2013's own rows stay in, so that the model doesn't forget the faces it knows.

    Raises FerError ``too_few_people``, ``no_data``, and where `folder` holds another run; ModelError for the card.
    """
    before = Classifier.load(path)
    kept = enough(own.groups, *needed)
    aside = held_out(own.groups)
    joined = _joined(data, own, kept & ~aside)
    device = torch.device("cpu")
    train(config or recipe(before.card), joined, folder, device, watch, path.parent / before.card.weights)
    card = export(folder, joined, name, folder / "model")
    after = Classifier.load(folder / "model" / f"{name}.json")
    test = data.needed(PRIVATE_TEST)
    pictures = np.arange(len(test.labels)).astype(str)
    on_test = change(*_right((before, after), test.pixels, test.labels), pictures)
    shown = kept & aside
    right, people = _right((before, after), own.crops[shown], own.labels[shown]), own.groups[shown]
    on_people = change(*right, people)
    judged = {
        "from": before.card.sha256,
        "trained_on": len(np.unique(own.groups[kept & ~aside])),
        "before": asdict(agreement(right[0], people)),
        "after": asdict(agreement(right[1], people)),
        "test": asdict(on_test),
        "people": asdict(on_people),
        "objection": objection(on_test, on_people),
    }
    # It was measured on the data set alone: by that it is compared with other models, and example faces are found.
    measured_on = card.data | {"data_sha256": data.sha256}
    card = replace(card, data=measured_on, metrics=card.metrics | {"own": judged})
    card.save(folder / "model" / f"{name}.json")
    return card


def _joined(data: FerData, own: FolderSet, rows: NDArray[np.bool_]) -> FerData:
    """Return the data set with own pictures behind its Training rows; no FER+ votes are known of them."""
    more = int(rows.sum())
    votes, no_face = data.votes, data.not_a_face
    joined = replace(
        data,
        pixels=np.concatenate([data.pixels, own.crops[rows]]),
        labels=np.concatenate([data.labels, own.labels[rows]]),
        split=np.concatenate([data.split, np.full(more, TRAINING)]),
        votes=None if votes is None else np.concatenate([votes, np.full((more, votes.shape[1]), np.nan, votes.dtype)]),
        not_a_face=None if no_face is None else np.concatenate([no_face, np.zeros(more, bool)]),
    )
    extended(data, joined)
    return joined


def _right(
    models: tuple[Classifier, Classifier], crops: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> tuple[Flags, Flags]:
    """Return on which pictures each of two models is right, (N,) bool."""
    before, after = (model.probabilities(crops).argmax(axis=1) == labels for model in models)
    return before, after
