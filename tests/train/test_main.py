"""The command line, as far as the commands' own tests don't reach."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from train.__main__ import main


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["train", *map(str, arguments)])
    return main()


@pytest.fixture
def folder(tmp_path):
    """Twelve random pictures of three people in two classes."""
    rng = np.random.default_rng(5)
    for number in range(12):
        path = tmp_path / "set" / ("happy", "sad")[number % 2] / f"P{number // 4}_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8)).save(path)
    return tmp_path / "set"


def test_a_folder_of_crops_is_measured_with_the_shipped_model(monkeypatch, capsys, folder, tmp_path):
    assert run(monkeypatch, "evaluate", "--folder", folder, "--crops", "--json", tmp_path / "found.json") == 0
    said = capsys.readouterr().out
    assert "12 pictures of 3 people or sequences; 0 left out; classes: happy, sad" in said
    assert "too narrow" in said
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["full"]["pictures"] == 12
    assert 0 <= found["by_people"]["accuracy_95"][0] <= found["full"]["accuracy"]


def test_pictures_without_faces_are_all_named(monkeypatch, capsys, folder):
    assert run(monkeypatch, "evaluate", "--folder", folder) == 2
    assert "no face was found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate",), "--data"),
        (("evaluate", "--folder", "missing"), "no folder"),
        (("evaluate", "--data", "missing.csv"), "no data set"),
        (("run", "--data", "{set}", "--ferplus", "missing.csv"), "row order"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(monkeypatch, capsys, folder, arguments, message):
    assert run(monkeypatch, *(str(folder) if word == "{set}" else word for word in arguments)) == 2
    assert message in capsys.readouterr().err


def test_twins_are_written_for_any_data_set(monkeypatch, capsys, tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (12, 12), np.uint8)
    one = np.asarray(Image.fromarray(picture).resize((48, 48), Image.Resampling.BICUBIC))
    uses = ((one, "Training"), (one[:, ::-1], "PublicTest"))
    rows = [f"3,{' '.join(map(str, face.ravel()))},{use}" for face, use in uses]
    (tmp_path / "f.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    assert run(monkeypatch, "twins", "--data", tmp_path / "f.csv", "--out", tmp_path / "twins.npz") == 0
    assert "1 pairs" in capsys.readouterr().out
    assert np.load(tmp_path / "twins.npz")["pairs"].tolist() == [[1, 0]]
