"""A model is fine-tuned on people of one's own, and judged on those it has not seen and on the data set's test."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from fer_core.errors import FerError
from fer_core.model.classifier import Classifier
from fer_core.model.model_card import ModelCard
from train.data import FerData
from train.export import export
from train.folders import FolderSet
from train.held_out import held_out
from train.report import tuning_summary
from train.run import train
from train.tune import recipe, tune


@pytest.fixture(scope="module")
def start(patterns, tiny_config, tmp_path_factory):
    """The card of a model that learned the seven patterns."""
    folder = tmp_path_factory.mktemp("start")
    train(replace(tiny_config, epochs=2), patterns, folder / "run", torch.device("cpu"))
    export(folder / "run", patterns, "start", folder)
    return folder / "start.json"


@pytest.fixture
def own(patterns):
    """Twelve people with seven pictures each, darker than the data set's, one of each class."""
    rng = np.random.default_rng(11)
    rows = np.concatenate([rng.permutation(140)[:84].reshape(12, 7)])
    crops = np.clip(patterns.pixels[rows.ravel()] * 0.3 + rng.integers(0, 40, (84, 48, 48)), 0, 255).astype(np.uint8)
    people = np.repeat([f"person {number}" for number in range(12)], 7)
    return FolderSet(crops, patterns.labels[rows.ravel()], people, tuple(map(str, range(84))), ())


def test_the_new_model_is_judged_on_people_who_were_held_out_and_says_so(start, patterns, own, tiny_config, tmp_path):
    config = replace(tiny_config, preset="tune", epochs=1)
    card = tune(start, patterns, own, tmp_path / "run", "tuned", config, needed=(6, 7))
    judged, aside = card.metrics["own"], held_out(own.groups)
    assert judged["people"]["people"] == len(set(own.groups[aside]))
    assert judged["trained_on"] == len(set(own.groups[~aside]))
    # What was trained on holds the others' pictures behind the data set's, and no picture of those held out.
    alone = [(patterns.pixels, own.crops), (patterns.labels, own.labels), (patterns.split, np.full(84, "Training"))]
    joined = FerData(*(np.concatenate([first, second[~aside]]) for first, second in alone))
    assert json.loads((tmp_path / "run/run.json").read_text())["data_sha256"] == joined.sha256
    assert card.data["data_sha256"] == patterns.sha256, "what it was measured on"
    assert card.data["training_pictures"] + sum(card.data["left_out"].values()) == 84 + (~aside).sum()
    assert card.recipe["warm_start"] == ModelCard.load(start).sha256 == judged["from"]
    written = Classifier.load(tmp_path / "run/model/tuned.json")
    assert written.card.metrics["own"] == judged
    models = (Classifier.load(start), written)
    right = [model.probabilities(own.crops[aside]).argmax(1) == own.labels[aside] for model in models]
    assert judged["people"]["mean"] == pytest.approx(right[1].mean() - right[0].mean())
    for found, model in (("before", right[0]), ("after", right[1])):
        assert judged[found]["mean"] == pytest.approx(model.mean())
        assert 0 <= judged[found]["low"] <= judged[found]["mean"] < judged[found]["high"] <= 1
    assert "were held out" in tuning_summary(judged)


def test_too_few_people_are_refused_before_anything_is_trained(start, patterns, own, tmp_path):
    with pytest.raises(FerError, match="100 are needed"):
        tune(start, patterns, own, tmp_path / "run", "tuned")
    assert not (tmp_path / "run").exists()


def test_the_recipe_goes_on_with_the_model_s_own_network(start):
    card = ModelCard.load(start)
    found = recipe(card)
    assert (found.architecture, found.side) == (card.architecture, card.input.cut)
