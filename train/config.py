"""Recipes of training as presets: everything that decides a run stands here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from train.augment import Augmentation


@dataclass(frozen=True)
class TrainConfig:
    """A recipe.

    `side`: px of the square that the network sees, cut from 48. `rate`: highest learning rate of the one-cycle.
    `smoothing`: share of the target spread over all classes. `ferplus`: share of the FER+ votes in the target.
    `mix`: alpha of mixup, on half of the batches, and `plain_share`: the last share of epochs without it.
    `ema`: decay of the averaged weights, which are the ones kept.
    """

    preset: str
    architecture: dict[str, Any]
    epochs: int
    side: int = 44
    batch: int = 128
    rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    ferplus: float = 0.0
    mix: float = 0.2
    plain_share: float = 0.2
    ema: float = 0.998
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 1
    warm_start: str = ""
    """SHA-256 of the weights that the run started from, empty for random ones."""

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON-ready values."""
        return asdict(self)


def _net(widths: tuple[int, ...], blocks: tuple[int, ...], dropout: float = 0.3) -> dict[str, Any]:
    return {"name": "expression_net", "widths": list(widths), "blocks": list(blocks), "dropout": dropout}


PRESETS: dict[str, TrainConfig] = {
    # 220 MMAC and 2.8 M parameters: 75 to 85 s an epoch on two cores with bf16.
    "quick": TrainConfig("quick", _net((24, 64, 128, 256), (1, 2, 2, 2)), epochs=36),
    # A second, lower cycle that starts from the weights of `quick` (--start-from): together about an hour and a half.
    "best-cpu": TrainConfig(
        "best-cpu", _net((24, 64, 128, 256), (1, 2, 2, 2)), epochs=22, rate=0.04, ferplus=0.15, plain_share=0.2
    ),
}


def preset(name: str, **changes: Any) -> TrainConfig:
    """Return a preset, with some fields changed. Raises KeyError for an unknown name."""
    return replace(PRESETS[name], **changes)
