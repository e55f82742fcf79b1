"""Whose a folder is: what another account writes there, the program can't open."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from fer_core.errors import FerError


def refuse_folder_of_another(folder: Path) -> None:
    """Refuse to write into a folder of another account, also as root, and into a file.

    Raises FerError ``other_owner``, ``data_folder``.
    """
    if folder.exists() and not folder.is_dir():
        raise FerError(f"{folder} is a file. Please name a folder (FER_DATA_DIR, FER_KEY_DIR).", "data_folder")
    if folder.exists() and (owner := folder.stat().st_uid) != os.geteuid():
        raise FerError(
            f"The folder {folder} belongs to {account_name(owner)}, and this is {account_name(os.geteuid())}."
            f" Please run this as {account_name(owner)}; on a server, `expression-history` as root acts as that one.",
            "other_owner",
        )


def how_to_make(folder: Path) -> str:
    """Return what root has to do for a folder that this account can't make."""
    account = account_name(os.geteuid())
    return (
        f"Please run, as root: install -d -m 700 -o {account} {folder}. Under systemd, a folder outside /var/lib also"
        " needs a line ReadWritePaths= in the units."
    )


def account_name(uid: int) -> str:
    """Return the name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"account {uid}"
