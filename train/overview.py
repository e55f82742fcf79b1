"""What is in a data set: counts, and two pictures of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from fer_core.emotions import EMOTION_LABELS
from train.data import SIDE, SPLITS, FerData
from train.duplicates import has_near_twin, has_twin, repeats, training_rows, with_two_labels

_COLUMNS, _MARGIN, _LINE = 12, 90, 22
_BAR_PX, _INK, _PAPER, _FILL = 420, "#222222", "#ffffff", "#3f6fb5"


def describe(data: FerData) -> dict[str, Any]:
    """Return counts by split and class, twins across splits and repeats within each, what training leaves out, how the
    splits came about, and the files that can't be read."""
    twins = {}
    for split in SPLITS:
        others = tuple(other for other in SPLITS if other != split)
        exact = has_twin(data, others)[data.split == split]
        near = has_near_twin(data, split, others)
        twins[split] = {"exact": int(exact.sum()), "exact_or_near": int((exact | near).sum())}
    return {
        "sha256": data.sha256,
        "classes": {split: _class_counts(data.of(split)) for split in SPLITS},
        "also_in_another_split": twins,
        "left_out_of_training": training_rows(data)[1],
        "repeats": repeats(data),
        "two_labels": with_two_labels(data),
        "notes": list(data.notes),
        "bad_files": list(data.bad_files),
    }


def write_overview(data: FerData, folder: Path) -> dict[str, Any]:
    """Write ``data.json``, ``balance.png`` and ``samples.png`` into `folder`, and return what stands in the first."""
    folder.mkdir(parents=True, exist_ok=True)
    found = describe(data)
    (folder / "data.json").write_text(json.dumps(found, indent=1) + "\n")
    balance_figure(found["classes"]["Training"]).save(folder / "balance.png")
    sample_sheet(data).save(folder / "samples.png")
    return found


def balance_figure(counts: dict[str, int]) -> Image.Image:
    """Return bars of the pictures in each class, with their counts and shares."""
    total = max(1, sum(counts.values()))
    image = Image.new("RGB", (_MARGIN + _BAR_PX + 120, _LINE * (len(counts) + 1)), _PAPER)
    draw = ImageDraw.Draw(image)
    for row, (label, count) in enumerate(counts.items()):
        top = _LINE // 2 + row * _LINE
        width = round(_BAR_PX * count / max(*counts.values(), 1))
        draw.text((8, top + 3), label, _INK)
        draw.rectangle((_MARGIN, top + 2, _MARGIN + width, top + _LINE - 4), _FILL)
        draw.text((_MARGIN + width + 8, top + 3), f"{count:,} ({count / total:.1%})", _INK)
    return image


def sample_sheet(data: FerData) -> Image.Image:
    """Return a row of pictures for each class, spread evenly over the data set."""
    image = Image.new("RGB", (_MARGIN + _COLUMNS * SIDE, SIDE * len(EMOTION_LABELS)), _PAPER)
    draw = ImageDraw.Draw(image)
    for row, label in enumerate(EMOTION_LABELS):
        draw.text((8, row * SIDE + SIDE // 2 - 6), label, _INK)
        of_class = np.flatnonzero(data.labels == row)
        chosen = of_class[np.linspace(0, len(of_class) - 1, min(_COLUMNS, len(of_class))).astype(int)]
        for column, picture in enumerate(data.pixels[chosen]):
            image.paste(Image.fromarray(picture), (_MARGIN + column * SIDE, row * SIDE))
    return image


def _class_counts(part: FerData) -> dict[str, int]:
    counts = np.bincount(part.labels, minlength=len(EMOTION_LABELS))
    return dict(zip(EMOTION_LABELS, counts.tolist(), strict=True))
