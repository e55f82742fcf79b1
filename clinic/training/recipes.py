"""Which recipes are offered on the page, and which of their values may be changed within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fer_core.errors import FerError
from train.config import PRESETS, TrainConfig

OFFERED = {
    "quick": "The recipe of the shipped model: a residual network, about 50 minutes on two cores.",
    "best-cpu": "A second, gentler cycle of the same network: start it from the weights of a finished run.",
    "harsh": "The same network with dark, small, turned and covered faces, as cameras and people make them.",
    "main": "A larger network with such faces: about 8 minutes an epoch on one core.",
    "teacher": "A small network that learns fast: for a first try.",
    "sequential": "A plain convolutional network, as in student projects: a baseline.",
    "five-layer": "A smaller plain network: a weak baseline.",
    "best-gpu": "The full width and 300 epochs: only for a GPU.",
}
"""The presets that need nothing besides the data set."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a recipe that may be changed: its name for people, its limits, and what it does.

    `step`: None for whole numbers.
    """

    label: str
    least: float
    most: float
    meaning: str
    step: float | None = None


VALUES: dict[str, Value] = {
    "epochs": Value("Epochs", 1, 1000, "How often each picture is looked at."),
    "batch": Value("Batch", 4, 1024, "Pictures in each step."),
    "rate": Value("Learning rate", 1e-6, 1.0, "The highest rate of the schedule.", 1e-4),
    "weight_decay": Value("Weight decay", 0.0, 0.5, "How strongly weights are kept small.", 1e-5),
    "dropout": Value("Dropout", 0.0, 0.9, "Share of the last features that is left out at random.", 0.05),
    "smoothing": Value("Label smoothing", 0.0, 0.5, "Share of the label that is spread over all classes.", 0.01),
    "mix": Value("Mixup", 0.0, 2.0, "Alpha of mixup on half of the batches; 0 for none.", 0.05),
    "erase": Value("Erasing", 0.0, 1.0, "Chance that a part of a face is covered by noise.", 0.05),
    "degrees": Value("Rotation", 0.0, 45.0, "Faces are turned by up to so many degrees.", 1.0),
    "ema": Value("Average of the weights", 0.0, 0.9999, "Decay of the averaged weights; 0 for none.", 0.0005),
    "patience": Value("Patience", 0, 200, "Epochs without a better one after which the run ends; 0 for never."),
    "seed": Value("Seed", 1, 1_000_000, "Another number gives another run of the same recipe."),
}
_AUGMENTED = ("erase", "degrees")


def values_of(preset: str) -> dict[str, float]:
    """Return the values of a preset that may be changed. Raises FerError ``bad_recipe``."""
    config = _preset(preset)
    return {name: read(config.to_dict(), name) for name in VALUES}


def read(recipe: Mapping[str, Any], name: str) -> float:
    """Return one of the `VALUES` of a whole recipe."""
    if name == "dropout":
        return float(recipe["architecture"].get("dropout", 0.0))
    return recipe["augmentation"][name] if name in _AUGMENTED else recipe[name]  # type: ignore[no-any-return]


def full(recipe: Mapping[str, Any]) -> dict[str, float]:
    """Return the values of a search's run for a run as long as the preset is. Raises FerError ``bad_recipe``."""
    usual = values_of(recipe["preset"])
    return {name: read(recipe, name) for name in VALUES} | {name: usual[name] for name in ("epochs", "patience")}


def made(preset: str, values: Mapping[str, float]) -> dict[str, Any]:
    """Return a preset with some values changed, as JSON-ready values. Raises FerError ``bad_recipe``."""
    config = _preset(preset)
    for name, value in values.items():
        config = _changed(config, name, _checked(name, value))
    return config.to_dict()


def _preset(name: str) -> TrainConfig:
    if name not in OFFERED:
        raise FerError("This recipe is not offered.", "bad_recipe")
    return PRESETS[name]


def _checked(name: str, value: float) -> float:
    known = VALUES.get(name)
    if known is None:
        raise FerError("A recipe has no such value.", "bad_recipe")
    # Not a number is within no limits.
    if not known.least <= value <= known.most:
        raise FerError(f"{known.label}: please give a number from {known.least:g} to {known.most:g}.", "bad_recipe")
    return value if known.step is not None else int(value)


def _changed(config: TrainConfig, name: str, value: float) -> TrainConfig:
    if name == "dropout":
        return replace(config, architecture=config.architecture | {"dropout": value})
    if name in _AUGMENTED:
        changed: dict[str, Any] = {name: value}
        return replace(config, augmentation=replace(config.augmentation, **changed))
    values: dict[str, Any] = {name: value}
    return replace(config, **values)
