"""Faces and expressions: the shared core library, which knows no page, no table and no environment variable.

Its public names load the modules behind them at first use, so that ``import fer_core`` alone never loads torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer as Analyzer
    from fer_core.emotions import Emotion as Emotion
    from fer_core.errors import FerError as FerError
    from fer_core.model.model_card import ModelCard as ModelCard
    from fer_core.types import RecordingAnalysis as RecordingAnalysis
    from fer_core.types import Status as Status

_MODULES = {
    "Analyzer": "fer_core.analyzer",
    "Emotion": "fer_core.emotions",
    "FerError": "fer_core.errors",
    "ModelCard": "fer_core.model.model_card",
    "RecordingAnalysis": "fer_core.types",
    "Status": "fer_core.types",
}
"""Each public name and the module that defines it."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
