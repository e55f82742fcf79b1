"""The model of this process, for pictures that programs send and for live cameras; jobs have the worker's."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from clinic import model_in_use
from clinic.settings import Settings

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

_OPENED: dict[Path | None, Analyzer] = {}
"""By the card of the model: the one in use alone."""
_OPENING = threading.Lock()


def open_analyzer(settings: Settings) -> Analyzer:
    """Return the installation's model, loaded at the first picture. Raises ModelError."""
    from fer_core.analyzer import Analyzer  # not at the top: it loads torch, which no page needs

    with _OPENING:
        card = model_in_use.card_path(settings)
        if card not in _OPENED:
            opened = Analyzer.open(card)
            _OPENED.clear()
            _OPENED[card] = opened
        return _OPENED[card]
