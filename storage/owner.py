"""Whose a folder is: what another account writes there, the program can't open."""

from __future__ import annotations

import os
from pathlib import Path

from db.account import account_name as account_name
from fer_core.errors import FerError


def refuse_folder_of_another(folder: Path) -> None:
    """Refuse to write into a folder of another account, also as root, and into a file.

    Raises FerError ``other_owner``, ``data_folder``.
    """
    if folder.exists() and not folder.is_dir():
        raise FerError(f"{folder} is a file. Please name a folder (FER_DATA_DIR, FER_KEY_DIR).", "data_folder")
    if folder.exists() and (owner := folder.stat().st_uid) != os.geteuid():
        raise FerError(
            f"The folder {folder} belongs to the account {account_name(owner)}, and this is"
            f" {account_name(os.geteuid())}. {_way_out(folder, owner)}",
            "other_owner",
        )


def _way_out(folder: Path, owner: int) -> str:
    """Return what to do about a folder of another account; that of root, or of none that is known, was copied so."""
    name = account_name(owner)
    if owner == 0 or name == str(owner):
        return f"Please run, as root, chown -R {account_name(os.geteuid())}: {folder} (where it is the program's)."
    return f"Please run this as {name}; on a server, `expression-history` as root acts as that one."


def how_to_make(folder: Path) -> str:
    """Return what root has to do for a folder that this account can't make."""
    account = account_name(os.geteuid())
    return (
        f"Please run, as root: install -d -m 700 -o {account} {folder}. Under systemd, a folder outside /var/lib also"
        " needs a line ReadWritePaths= in the units."
    )
