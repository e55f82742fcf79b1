"""Whose a folder is: what another account writes there, the program can't open."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from fer_core.errors import FerError


def refuse_folder_of_another(folder: Path) -> None:
    """Refuse to write into a folder of another account, also as root. Raises FerError ``other_owner``."""
    if folder.exists() and (owner := folder.stat().st_uid) != os.geteuid():
        raise FerError(
            f"The folder {folder} belongs to {account_name(owner)}, and this is {account_name(os.geteuid())}."
            f" Please run this as {account_name(owner)}; on a server, `expression-history` as root acts as that one.",
            "other_owner",
        )


def account_name(uid: int) -> str:
    """Return the name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"account {uid}"
