"""The analyzer that a worker holds, opened when it is needed and again where a job asks for another model."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from clinic import model_in_use
from clinic.settings import Settings

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer


def prepare_threads() -> None:
    """Set how torch's threads wait; to be called before torch is imported.

    Threads that spin while they wait made a forward pass forty times slower beside another busy process.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))


def open_default_analyzer(settings: Settings) -> Analyzer:
    """Load the model in use and the detector onto the best device. Raises ModelError."""
    prepare_threads()
    # Not at the top: importing torch takes seconds, and the threads have to be prepared before.
    from fer_core.analyzer import Analyzer

    return Analyzer.open(model_in_use.card_path(settings))


class AnalyzerInUse:
    """Opens an analyzer with `open_analyzer` and keeps it; `sign` is called after that, since it takes seconds."""

    def __init__(self, open_analyzer: Callable[[], Analyzer], sign: Callable[[], None]) -> None:
        self._open = open_analyzer
        self._sign = sign
        self._missed: str | None = None
        self.opened: Analyzer | None = None

    def get(self) -> Analyzer:
        """Return the analyzer, opened where there is none or its process is lost. Raises ModelError."""
        if self.opened is None or getattr(self.opened, "lost", False):
            self.opened = self._open()
            self._sign()
        return self.opened

    def for_model(self, model_sha256: str | None) -> Analyzer:
        """Return the analyzer, opened again where a job asks for another model: a new one may have been installed."""
        opened = self.get()
        if model_sha256 in (opened.classifier.card.sha256, self._missed):
            return opened
        self.opened = None
        self._missed = model_sha256
        return self.get()
