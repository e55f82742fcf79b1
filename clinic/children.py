"""How the program starts itself once more: the folder in which a command of it runs, and its environment."""

from __future__ import annotations

import os
from pathlib import Path

from clinic.environment import NAMES
from clinic.settings import Settings

PROGRAM_DIR = Path(__file__).resolve().parents[1]


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment in which a command of the clinic works on this installation."""
    others = {name: value for name, value in os.environ.items() if name not in NAMES}
    environment = others | settings.to_environment()
    # Without it, OpenMP's waiting threads take the cores from whatever else runs (the web process, the video).
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return environment
