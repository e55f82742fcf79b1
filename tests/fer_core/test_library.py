"""The recipes of docs/library.md, run as they stand there."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from fer_core.faces.detector import Detector
from fer_core.faces.preprocess import crop_faces
from fer_core.model.model_card import WEIGHTS_FOLDER, ModelCard
from tests.media import FACE, moving_face, scene, write_clip

TEXT = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^## (.+?)\n.*?^```python\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL))
SAID = {
    "A picture": r"^ok happy Box",
    "A video as a table": r"(?m)^0 .*0\.\d",
    "Your own model": r"^own 0\.\d+\nhappy\n",
    "Your own crops": r"'happy': '[5-9]\d%'",
    "A plot": r"^$",
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files that the recipes name, in the folder in which they run."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene()).save("face.png")
    [face] = Detector().detect([FACE])[0]
    Image.fromarray(crop_faces(FACE, [face.box])[0]).save("crop.png")
    write_clip(tmp_path / "visit.mp4", moving_face(6))
    card = ModelCard.load()
    (tmp_path / "mine").mkdir()
    shutil.copy(WEIGHTS_FOLDER / card.weights, tmp_path / "mine")
    replace(card, name="own").save(tmp_path / "mine" / "own.json")


def test_there_are_five_recipes():
    assert set(RECIPES) == set(SAID)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SAID))
def test_a_recipe_does_what_it_says(name, files, capsys):
    exec(compile(RECIPES[name], f"docs/library.md: {name}", "exec"), {"__name__": "recipe"})
    assert re.search(SAID[name], capsys.readouterr().out)
    assert name != "A plot" or "plotly" in Path("visit.html").read_text(encoding="utf-8")
