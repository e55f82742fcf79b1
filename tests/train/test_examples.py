"""Example faces of each cell of the confusion matrix: right counts, right labels, pictures that open."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fer_core.errors import FerError
from fer_core.model.classifier import Classifier
from fer_core.model.model_card import DEFAULT_MODEL, WEIGHTS_FOLDER, ModelCard
from train.data import PRIVATE_TEST
from train.examples import A_CELL, write_examples


@pytest.fixture(scope="module")
def card(patterns, tmp_path_factory):
    """The shipped model, as if it had been measured on the patterns."""
    folder = tmp_path_factory.mktemp("model")
    shipped = ModelCard.load()
    (folder / shipped.weights).symlink_to(WEIGHTS_FOLDER / shipped.weights)
    replace(shipped, data={"data_sha256": patterns.sha256}).save(folder / "card.json")
    return folder / "card.json"


def test_the_cells_hold_the_test_pictures_as_the_model_labels_them(patterns, card, tmp_path):
    write_examples(patterns, card, tmp_path)
    part = patterns.of(PRIVATE_TEST)
    given = Classifier.load(card, "cpu").probabilities(part.pixels).argmax(1)
    for true in range(7):
        for label in range(7):
            cell = json.loads((tmp_path / f"cell-{true}-{label}.json").read_text())
            assert cell["pictures"] == int(((part.labels == true) & (given == label)).sum())
            assert len(cell["examples"]) == min(A_CELL, cell["pictures"])
            assert all((one["true"], one["given"]) == (true, label) for one in cell["examples"])
    gallery = json.loads((tmp_path / "gallery.json").read_text())
    assert {one["true"] == one["given"] for one in gallery["right"]} <= {True}
    assert {one["true"] == one["given"] for one in gallery["wrong"]} == {False}
    one = gallery["wrong"][0]
    face, heat = (Image.open(io.BytesIO(base64.b64decode(one[kind]))) for kind in ("face", "heat"))
    assert any(np.array_equal(np.asarray(face)[::2, ::2], picture) for picture in part.pixels)
    assert (heat.mode, heat.size) == ("RGB", face.size)
    assert json.loads((tmp_path / "about.json").read_text())["model_sha256"] == ModelCard.load().sha256


def test_other_data_than_the_model_was_measured_on_are_refused(patterns, tmp_path):
    with pytest.raises(FerError, match="another data set"):
        write_examples(patterns, WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json", tmp_path)
