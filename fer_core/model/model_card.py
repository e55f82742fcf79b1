"""The card of a model: what it was trained on, how it is fed, how good it is, and how to know it is intact."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import ModelError

WEIGHTS_FOLDER = Path(__file__).parents[1] / "weights"
View = tuple[float, float]
"""How a face is framed once more: px that its content lies lower, and how many times as wide the window is."""
AS_IT_IS: tuple[View, ...] = ((0.0, 1.0),)

DEFAULT_MODEL = "seresnet_clean"
"""The name of the shipped model: its card and weights lie in `WEIGHTS_FOLDER` under it."""


def remedy(path: Path) -> str:
    """Return what helps where the model with this card is damaged: the shipped one comes with the program alone."""
    if path.parent == WEIGHTS_FOLDER:
        return "Please install the program again."
    return "Please copy its card and weights here again from where they were made, or use another model."


@dataclass(frozen=True, slots=True)
class ModelInput:
    """How a face reaches the network: a grey crop of `side` px, of which the middle `cut` px are normalised.

    `mean` and `std` are those of the grey level divided by 255 over the training pictures. `mirror_below`: where the
    network's highest probability, before scaling, is lower, other views of the face have a say in the logits: the more
    the lower it is, and all views the same from `mirror_fully_below` down. Both are 0 for never. `views`: the framings
    that are looked at then, the face as it is first, each of them and its mirror image.
    """

    side: int
    cut: int
    mean: float
    std: float
    mirror_below: float = 0.0
    mirror_fully_below: float = 0.0
    views: tuple[View, ...] = AS_IT_IS


@dataclass(frozen=True, slots=True)
class Golden:
    """A set of pictures drawn by a formula, and the probabilities that this model gives to them, row after row of 7."""

    picture: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that is known about a model; `sha256` is the hash of its weights file.

    `offsets` are added to the logits, one a class, and `temperature` divides them then. `uncertain_below`: under this
    top probability a face is called uncertain. All three were chosen on PublicTest. `metrics` holds the evaluation by
    split, `curves` one record an epoch, `data` the data's hash and what was left out, `recipe` the whole configuration
    of the training.
    """

    name: str
    classes: tuple[str, ...]
    architecture: dict[str, Any]
    input: ModelInput
    weights: str
    sha256: str
    golden: Golden
    offsets: tuple[float, ...] = (0.0,) * len(EMOTION_LABELS)
    temperature: float = 1.0
    uncertain_below: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    curves: tuple[dict[str, float], ...] = ()
    metrics: dict[str, Any] = field(default_factory=dict)
    made_at: str = ""
    git: str = ""

    def __post_init__(self) -> None:
        if tuple(self.classes) != EMOTION_LABELS:
            raise ModelError("The model's classes are not this program's seven in their order, so it is refused.")

    @property
    def given(self) -> tuple[tuple[int, ...], ...] | None:
        """How often each true expression got each label on PublicTest, the last one uncertain: 7 rows of 8; or None."""
        rows = self.metrics.get("PublicTest", {}).get("full", {}).get("given")
        return tuple(tuple(row) for row in rows) if rows else None

    def saw_near_twins(self, others: Sequence[ModelCard]) -> bool:
        """Return whether photographs of test pictures, in another crop, were trained on, which flatters its figures.

        `others`: the cards of models whose weights it may have gone on from, for these may have seen them before it.
        """
        if "photograph_in_test" not in self.data.get("left_out", {}):
            return True
        before = [card for card in others if card.sha256 == self.recipe.get("warm_start")]
        rest = [card for card in others if card not in before]
        return any(card.saw_near_twins(rest) for card in before)

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON-ready values."""
        return asdict(self)

    def metadata(self) -> dict[str, str]:
        """Return the metadata of the weights file: everything else that decides a label.

        So the file's hash, which identifies the model of a result, changes with any of it.
        """
        values = asdict(self)
        if self.input.views == AS_IT_IS:
            # Weights from before there were views don't name them.
            del values["input"]["views"]
        decisive = ("classes", "architecture", "input", "offsets", "temperature", "uncertain_below")
        return {"card": json.dumps({key: values[key] for key in decisive}, sort_keys=True)}

    @classmethod
    def load(cls, path: Path | None = None) -> ModelCard:
        """Read a card, by default that of the shipped model.

        Raises ModelError where it is missing, is no card, or names other classes than `Emotion`.
        """
        path = path or WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError("No model is installed: its card is missing.", "no_model") from None
        except (OSError, ValueError, RecursionError):
            raise ModelError(f"The model's card can't be read. {remedy(path)}") from None
        try:
            values["input"] = _input_of(values["input"])
            golden = values["golden"]
            values["golden"] = Golden(golden["picture"], tuple(golden["probabilities"]))
            values["classes"] = tuple(values["classes"])
            values["offsets"] = tuple(values.get("offsets", (0.0,) * len(EMOTION_LABELS)))
            values["curves"] = tuple(values.get("curves", ()))
            return cls(**values)
        except (KeyError, TypeError, ValueError):
            raise ModelError(f"The model's card lacks entries or has unknown ones. {remedy(path)}") from None

    def save(self, path: Path) -> None:
        """Write the card as JSON, whole or not at all."""
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)


def _input_of(values: dict[str, Any]) -> ModelInput:
    views = tuple((float(down), float(width)) for down, width in values.get("views", AS_IT_IS))
    return ModelInput(**values | {"views": views})


def known_cards(folder: Path) -> list[ModelCard]:
    """Return the cards of a folder, those of models that were only measured too, in the order of their names.

    Raises ModelError for a card that can't be read.
    """
    return [ModelCard.load(path) for path in sorted(folder.glob("*.json"))]


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
