"""The installation's owner: a command run by another account would leave files that the program can't open."""

from __future__ import annotations

import os
from pathlib import Path

from clinic.settings import Settings
from fer_core.errors import FerError
from storage.owner import refuse_folder_of_another

SETTINGS_FILE = Path("/etc/expression-history.env")
"""Where a server's installation keeps its settings (deploy/systemd)."""


def refuse_other(settings: Settings) -> None:
    """Refuse to work in folders of another account, and root's second installation beside a server's.

    Raises FerError ``other_owner``.
    """
    for folder in (settings.data_dir, settings.key_dir):
        refuse_folder_of_another(folder)
    if os.geteuid() == 0 and SETTINGS_FILE.exists() and "FER_DATA_DIR" not in os.environ:
        raise FerError(
            f"This computer has an installation with settings in {SETTINGS_FILE}, and this command would begin another"
            " one. Please run `expression-history` instead.",
            "other_owner",
        )
