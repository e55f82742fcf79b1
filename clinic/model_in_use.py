"""Which model analyses: the one that ``FER_MODEL`` names, else the one promoted last, else the one that is shipped.

What was promoted stands in one small file in the data folder, in order, so that each can be taken back. The machines of
a cluster have no such folder: there ``FER_MODEL`` alone decides.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from clinic.settings import Settings
from fer_core.errors import ModelError


def card_path(settings: Settings) -> Path | None:
    """Return the card of the model that analyses, None for the shipped one. Raises ModelError ``model_in_use``."""
    if settings.model is not None:
        return settings.model
    promoted = history(settings)
    return settings.data_dir / promoted[-1] if promoted else None


def history(settings: Settings) -> list[str]:
    """Return the cards that were promoted and not taken back, the last one in use: paths in the data folder.

    Raises ModelError ``model_in_use`` where the file can't be read.
    """
    try:
        return [str(card) for card in json.loads(_path(settings).read_text("utf-8"))["cards"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            "The file that says which model is in use can't be read: please restore model_in_use.json from a backup,"
            " or delete it to go back to the model that came with the program.",
            "model_in_use",
        ) from None


def write(settings: Settings, cards: Sequence[str]) -> None:
    """Replace the promoted models in one step."""
    path = _path(settings)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"cards": list(cards)}), "utf-8")
    os.replace(part, path)


def _path(settings: Settings) -> Path:
    return settings.data_dir / "model_in_use.json"
