"""A model is loaded whole or refused, and answers alike alone and in batches."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import ModelError
from fer_core.faces.preprocess import normalise, view
from fer_core.model.classifier import Classifier, fuse
from fer_core.model.golden import golden_crops
from fer_core.model.model_card import (
    DEFAULT_MODEL,
    WEIGHTS_FOLDER,
    Golden,
    ModelCard,
    ModelInput,
    file_sha256,
    remedy,
)
from fer_core.model.network import build_network

ARCHITECTURE = {"name": "expression_net", "widths": [8, 8], "blocks": [1, 1], "dropout": 0.0}


@pytest.fixture
def model(tmp_path):
    """A tiny untrained model with a true card; returns the card's path."""
    torch.manual_seed(0)
    network = build_network(ARCHITECTURE)
    # Louder than an untrained head, so that a wrong input shows in the answers.
    network.classify.weight.data *= 40
    card = ModelCard(
        name="tiny",
        classes=EMOTION_LABELS,
        architecture=ARCHITECTURE,
        input=ModelInput(48, 44, 0.5, 0.25),
        weights="tiny.safetensors",
        sha256="",
        golden=Golden("gratings", ()),
    )
    save_file(network.state_dict(), tmp_path / "tiny.safetensors", card.metadata())
    card = replace(card, sha256=file_sha256(tmp_path / "tiny.safetensors"))
    answers = Classifier(card, fuse(network.eval()), torch.device("cpu")).probabilities(golden_crops("gratings"))
    path = tmp_path / "tiny.json"
    replace(card, golden=Golden("gratings", tuple(answers.ravel().tolist()))).save(path)
    return path


def change(path, **values):
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | values))


def test_probabilities_have_the_right_shape_and_sum(model):
    classifier = Classifier.load(model)
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8)
    found = classifier.probabilities(crops)
    assert found.shape == (5, 7)
    assert found.dtype == np.float32
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert classifier.probabilities(crops[:0]).shape == (0, 7)
    alone = np.concatenate([classifier.probabilities(crop[None]) for crop in crops])
    assert np.abs(alone - found).max() < 0.01


def test_rgb_crops_of_another_size_are_accepted(model):
    grey = np.random.default_rng(1).integers(0, 256, (2, 48, 48), np.uint8)
    classifier = Classifier.load(model)
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    assert np.abs(classifier.probabilities(rgb) - classifier.probabilities(grey)).max() < 0.01
    assert classifier.probabilities(np.zeros((3, 96, 80, 3), np.uint8)).shape == (3, 7)


def test_fusing_batch_norms_keeps_the_answers():
    torch.manual_seed(3)
    network = build_network(ARCHITECTURE)
    x = torch.randn(4, 1, 44, 44)
    network.train()(x)
    network.eval()
    before = network(x)
    assert torch.allclose(fuse(network)(x), before, atol=1e-5)


def test_weights_that_are_missing_are_named(model):
    (model.parent / ModelCard.load(model).weights).unlink()
    with pytest.raises(ModelError, match=r"no \S+\.safetensors lies beside its card"):
        Classifier.load(model)


def test_altered_weights_are_refused(model):
    weights = model.with_name("tiny.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match="do not match"):
        Classifier.load(model)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": [*EMOTION_LABELS[1:], EMOTION_LABELS[0]]}, "classes"),
        ({"weights": "model.pkl"}, "safetensors"),
        ({"weights": "missing.safetensors"}, "missing"),
        ({"architecture": ARCHITECTURE | {"widths": [8, 16]}}, "do not fit"),
        ({"input": {"side": 48, "cut": 44, "mean": 0.1, "std": 0.9}}, "changed"),
        ({"temperature": 2.0}, "changed"),
        ({"offsets": [0.1, 0, 0, 0, 0, 0, -0.1]}, "changed"),
        ({"surprise": 1}, "unknown"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(model, values, message):
    change(model, **values)
    with pytest.raises(ModelError, match=message):
        Classifier.load(model)


@pytest.mark.attack("a model's card that is nested without end, has a number of 5,000 digits, or is not text")
def test_a_card_that_is_none_is_refused_in_a_sentence(model, attack):
    for content in (b"[" * 200_000, b'{"side": ' + b"9" * 5000 + b"}", b"\xff", b"[]"):
        model.write_bytes(content)
        attack(lambda: Classifier.load(model), "model_refused")


def test_what_helps_depends_on_whose_model_it_is(model):
    assert remedy(WEIGHTS_FOLDER / "seresnet_clean.json") == "Please install the program again."
    model.write_text("no card")
    with pytest.raises(ModelError, match="Please copy its card and weights here again"):
        Classifier.load(model)


def test_swapped_classes_in_the_weights_fail_the_golden_check(model):
    torch.manual_seed(0)
    network = build_network(ARCHITECTURE)
    network.classify.weight.data *= 40
    state = network.state_dict()
    state["classify.weight"], state["classify.bias"] = state["classify.weight"].flip(0), state["classify.bias"].flip(0)
    weights = model.with_name("tiny.safetensors")
    metadata = ModelCard.load(model).metadata()
    save_file({name: value.contiguous() for name, value in state.items()}, weights, metadata)
    change(model, sha256=file_sha256(weights))
    with pytest.raises(ModelError, match="answers"):
        Classifier.load(model)


def test_one_model_is_shipped_with_its_card():
    assert {path.name for path in WEIGHTS_FOLDER.iterdir()} == {f"{DEFAULT_MODEL}.json", ModelCard.load().weights}


def test_the_shipped_model_is_intact():
    card = ModelCard.load()
    assert (WEIGHTS_FOLDER / card.weights).stat().st_size <= 10_000_000
    assert Classifier.load().card.name == DEFAULT_MODEL


def test_a_flipping_model_answers_alike_for_a_face_and_its_mirror_image(model):
    card = json.loads(model.read_text())
    plain = Classifier.load(model)
    flipping = Classifier(
        replace(plain.card, input=ModelInput(**card["input"] | {"mirror_below": 1.1, "mirror_fully_below": 1.0})),
        plain._network,
        plain.device,
    )
    crops = np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)
    mirrored = np.ascontiguousarray(crops[:, :, ::-1])
    assert np.abs(flipping.probabilities(crops) - flipping.probabilities(mirrored)).max() < 0.01
    assert np.abs(plain.probabilities(crops) - plain.probabilities(mirrored)).max() > 0.02


def test_the_mirror_image_comes_in_without_a_leap(model):
    plain = Classifier.load(model, "cpu")
    crops = np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)
    highest = float(plain.probabilities(crops[:1]).max())

    def at(below, fully):
        feed = replace(plain.card.input, mirror_below=below, mirror_fully_below=fully)
        return Classifier(replace(plain.card, input=feed), plain._network, plain.device).probabilities(crops[:1])

    away, half = at(highest - 0.001, 0.1), np.sqrt(at(1.0, highest + 0.1) * plain.probabilities(crops[:1]))
    assert np.abs(away - plain.probabilities(crops[:1])).max() < 1e-6
    assert np.abs(at(highest + 0.001, highest - 0.199) - away).max() < 0.005
    assert np.abs(at(highest + 0.1, highest - 0.1) - half / half.sum()).max() < 0.005


def test_offsets_move_the_logits_before_the_temperature(model):
    plain = Classifier.load(model, "cpu")
    offsets = (0.5, 0.0, 0.0, -0.5, 0.0, 0.0, 0.0)
    moved = Classifier(replace(plain.card, offsets=offsets, temperature=2.0), plain._network, plain.device)
    crops = np.random.default_rng(0).integers(0, 256, (20, 48, 48), np.uint8)
    expected = plain.probabilities(crops) ** 0.5 * np.exp(np.array(offsets, np.float32) / 2)
    expected /= expected.sum(axis=1, keepdims=True)
    assert np.abs(moved.probabilities(crops) - expected).max() < 0.01


def test_close_calls_are_worked_out_in_full_precision(model, monkeypatch):
    classifier = Classifier.load(model, "cpu")
    crops = np.random.default_rng(0).integers(0, 256, (300, 48, 48), np.uint8)
    classifier._dtype = torch.float32
    exact = classifier.probabilities(crops)
    classifier._dtype = torch.bfloat16
    assert (classifier.probabilities(crops).argmax(1) == exact.argmax(1)).all()
    monkeypatch.setattr("fer_core.model.classifier.CLOSE_CALL", 1e9)
    assert np.abs(classifier.probabilities(crops) - exact).max() < 1e-5


def test_an_unclear_face_is_the_mean_of_all_views_and_their_mirror_images(model):
    plain = Classifier.load(model, "cpu")
    feed = replace(
        plain.card.input, mirror_below=1.1, mirror_fully_below=1.05, views=((0.0, 1.0), (2.0, 1.0), (0.0, 1.2))
    )
    several = Classifier(replace(plain.card, input=feed), plain._network, plain.device)
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8)
    faces = normalise(torch.from_numpy(crops), 48, feed.mean, feed.std)
    framed = [view(faces, feed.cut, down, width) for down, width in feed.views]
    with torch.inference_mode():
        logits = torch.stack([plain._network(x) for one in framed for x in (one, one.flip(3))]).mean(0)
    expected = torch.softmax((logits + torch.tensor(plain.card.offsets)) / plain.card.temperature, 1).numpy()
    assert np.abs(several.probabilities(crops) - expected).max() < 0.02
    assert np.abs(several.probabilities(crops) - plain.probabilities(crops)).max() > 0.01


def test_views_are_part_of_what_the_weights_file_vouches_for_but_not_where_there_are_none(model):
    card = ModelCard.load(model)
    assert "views" not in json.loads(card.metadata()["card"])["input"]
    several = replace(card, input=replace(card.input, views=((0.0, 1.0), (2.4, 1.0))))
    assert json.loads(several.metadata()["card"])["input"]["views"] == [[0.0, 1.0], [2.4, 1.0]]
    change(model, input=json.loads(json.dumps(several.to_dict()))["input"])
    with pytest.raises(ModelError, match="changed"):
        Classifier.load(model)


class Planted:
    """What a pickle would call when it is opened: it leaves a folder behind."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.attack("a model whose weights are a pickle with code: under its own ending, and as safetensors")
def test_code_in_weights_is_never_run(model, tmp_path, attack):
    mark = tmp_path / "it was run"
    for name in ("planted.pt", "planted.safetensors"):
        torch.save({"weights": Planted(mark)}, tmp_path / name)
        change(model, weights=name, sha256=file_sha256(tmp_path / name))
        attack(lambda: Classifier.load(model), "model_refused")
    assert not mark.exists()
