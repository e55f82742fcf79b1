"""The model of this process, for pictures that programs send and for live cameras; jobs have the worker's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from clinic.settings import Settings

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

_OPENED: dict[Settings, Analyzer] = {}
_OPENING = threading.Lock()


def open_analyzer(settings: Settings) -> Analyzer:
    """Return the installation's model, loaded at the first picture. Raises ModelError."""
    from fer_core.analyzer import Analyzer  # not at the top: it loads torch, which no page needs

    with _OPENING:
        if settings not in _OPENED:
            _OPENED[settings] = Analyzer.open(settings.model)
        return _OPENED[settings]
