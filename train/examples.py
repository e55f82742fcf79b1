"""Example faces of each cell of a model's confusion matrix, each with what the network looked at, as small pictures."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from fer_core.faces.preprocess import normalise
from fer_core.model.classifier import Classifier
from train.data import PRIVATE_TEST, FerData
from train.export import load_network
from train.saliency import grad_cam

A_CELL, OF_EACH = 12, 24
"""So many examples of a cell, and of the right and of the wrong labels in the gallery."""
SCALE = 2
_HEAT = np.array([230, 120, 20], np.float32)
GALLERY = "gallery"


def write_examples(data: FerData, path: Path, folder: Path) -> None:
    """Write ``cell-T-G.json`` for each true and given label, ``gallery.json``, and ``about.json`` last, into `folder`.

    `path`: the model's card. Examples are spread evenly over the test pictures and not chosen for their looks.

    Raises FerError ``other_data`` where the model was measured on other data, ModelError.
    """
    classifier = Classifier.load(path, "cpu")
    card = classifier.card
    if card.data.get("data_sha256") != data.sha256:
        raise FerError("This is another data set than the one that the model was measured on.", "other_data")
    folder.mkdir(parents=True, exist_ok=True)
    part = data.needed(PRIVATE_TEST)
    found = classifier.probabilities(part.pixels)
    given = found.argmax(axis=1)
    network = load_network(card, path.parent / card.weights)

    def examples(rows: NDArray[np.intp], count: int) -> list[dict[str, Any]]:
        chosen = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
        if not len(chosen):
            return []
        faces = normalise(torch.from_numpy(part.pixels[chosen]), card.input.cut, card.input.mean, card.input.std)
        heat = _enlarged(grad_cam(network, faces, torch.from_numpy(given[chosen])), card.input.cut, card.input.side)
        return [
            {
                "true": int(part.labels[row]),
                "given": int(given[row]),
                "output": round(float(found[row, given[row]]), 4),
                "face": _png(part.pixels[row]),
                "heat": _png(_overlaid(part.pixels[row], map_)),
            }
            for row, map_ in zip(chosen, heat, strict=True)
        ]

    for true in range(len(EMOTION_LABELS)):
        for label in range(len(EMOTION_LABELS)):
            rows = np.flatnonzero((part.labels == true) & (given == label))
            _write(folder / f"cell-{true}-{label}.json", {"pictures": len(rows), "examples": examples(rows, A_CELL)})
    right = given == part.labels
    gallery = {"right": examples(np.flatnonzero(right), OF_EACH), "wrong": examples(np.flatnonzero(~right), OF_EACH)}
    _write(folder / f"{GALLERY}.json", gallery)
    _write(folder / "about.json", {"model_sha256": card.sha256, "split": PRIVATE_TEST})


def _enlarged(heat: Tensor, cut: int, side: int) -> NDArray[np.float32]:
    """Return maps (N, side, side): those of the middle `cut` px, with nothing around them."""
    wide = F.interpolate(heat[:, None], (cut, cut), mode="bilinear", align_corners=False)[:, 0]
    margin = (side - cut) // 2
    padded: NDArray[np.float32] = F.pad(wide, (margin, side - cut - margin) * 2).numpy()
    return padded


def _overlaid(face: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    weight = 0.6 * heat[:, :, None]
    mixed: NDArray[np.uint8] = (face[:, :, None] * (1 - weight) + _HEAT * weight).astype(np.uint8)
    return mixed


def _png(picture: NDArray[np.uint8]) -> str:
    image = Image.fromarray(picture)
    content = io.BytesIO()
    image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.NEAREST).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode("ascii")


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values), "utf-8")
