"""From a finished run to a model that loads, with a card that measures say the truth about."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from fer_core.errors import FerError
from fer_core.model.classifier import Classifier
from fer_core.model.model_card import ModelCard, file_sha256
from train.evaluate import DISTURBANCES, evaluate
from train.export import export, recalibrate
from train.report import model_card_markdown
from train.run import train


@pytest.fixture(scope="module")
def shipped(patterns, tiny_config, tmp_path_factory):
    """A folder with a tiny model that was trained, exported and measured."""
    folder = tmp_path_factory.mktemp("shipped")
    train(tiny_config, patterns, folder / "run", torch.device("cpu"))
    export(folder / "run", patterns, "tiny", folder)
    return folder


def test_the_export_loads_and_its_figures_can_be_repeated(shipped, patterns):
    classifier = Classifier.load(shipped / "tiny.json")
    again = evaluate(classifier, patterns, "PrivateTest", classifier.card.uncertain_below)
    assert json.loads(json.dumps(again)) == classifier.card.metrics["PrivateTest"]
    assert again["full"]["pictures"] == 28
    assert again["duplicates"] == 0
    assert set(classifier.card.metrics["robustness"]) == set(DISTURBANCES)


def test_the_report_quotes_the_card(shipped):
    card = ModelCard.load(shipped / "tiny.json")
    text = model_card_markdown(card)
    assert f"{card.metrics['PrivateTest']['full']['accuracy']:.2%}" in text
    assert card.sha256 in text
    assert text.count("\n## ") == 9


def test_the_report_says_where_near_twins_were_trained_on(shipped):
    card = ModelCard.load(shipped / "tiny.json")
    assert "are among them in other crops" not in model_card_markdown(card)
    before = replace(card, data=card.data | {"left_out": {"also_in_test": 3}})
    assert "are among them in other crops" in model_card_markdown(before)


def test_weights_are_calibrated_and_measured_once_more_under_a_new_name(shipped, patterns, tmp_path):
    before = ModelCard.load(shipped / "tiny.json")
    old = tmp_path / "old.json"
    feed = replace(before.input, views=((0.0, 1.0),))
    tensors = load_file(shipped / "tiny.safetensors")
    plain = replace(before, name="old", weights="old.safetensors", input=feed)
    save_file(tensors, tmp_path / "old.safetensors", plain.metadata())
    replace(plain, sha256=file_sha256(tmp_path / "old.safetensors")).save(old)
    card = recalibrate(old, patterns, "new", tmp_path / "to")
    assert (card.name, card.input.views) == ("new", before.input.views)
    assert (card.temperature, card.offsets, card.metrics) == (before.temperature, before.offsets, before.metrics)
    assert card.sha256 != ModelCard.load(old).sha256
    assert Classifier.load(tmp_path / "to" / "new.json").card.made_at == card.made_at


def test_a_run_on_other_data_is_not_exported(shipped, patterns, tmp_path):
    with pytest.raises(FerError, match="other data"):
        export(shipped / "run", patterns.where(patterns.labels != 0), "tiny", tmp_path)
    with pytest.raises(FerError, match="no run"):
        export(tmp_path, patterns, "tiny", tmp_path)
