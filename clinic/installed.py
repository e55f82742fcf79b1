"""The command `expression-history`: a command of the clinic with a server's settings, as the installation's account.

Root reads the settings, which hold the database's password, and becomes the account before anything else is done: what
root would write, the program could not open.
"""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from clinic import __main__ as clinic
from clinic.admin.ownership import SETTINGS_FILE
from clinic.console import answered
from clinic.settings import Settings
from fer_core.errors import FerError

ACCOUNT = "expression-history"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    code = answered(_prepare)
    return code or clinic.main(arguments, prog=ACCOUNT)


def read_settings(path: Path) -> dict[str, str]:
    """Return the variables of a settings file, as systemd reads it: NAME=VALUE, ``#`` or ``;`` before a comment.

    Raises FerError ``settings_closed`` where this account may not read it.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise FerError(f"This account may not read {path}. Please run it as root (sudo).", "settings_closed") from None
    pairs = [line.strip().partition("=") for line in lines if "=" in line and line.strip()[0] not in "#;"]
    return {name.strip(): _plain(value.strip()) for name, _, value in pairs}


def _plain(value: str) -> str:
    """Return a value without the quotes around it; between them nothing is expanded."""
    return "".join(shlex.split(value)) if value[:1] in ("'", '"') else value


def _prepare() -> int:
    """Apply the settings, and become the installation's account if this is root."""
    os.environ.update(read_settings(SETTINGS_FILE))
    if os.geteuid() == 0:
        _become(account_of(Settings.from_environment(make=False).data_dir))
    return 0


def account_of(data_dir: Path) -> pwd.struct_passwd:
    """Return the installation's account: the data folder's owner, or the account that the units name.

    Raises FerError ``no_account``.
    """
    try:
        if data_dir.exists():
            return pwd.getpwuid(data_dir.stat().st_uid)
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise FerError(
            f"There is no account {ACCOUNT} yet: useradd --system --home-dir /var/lib/{ACCOUNT} --shell"
            f" /usr/sbin/nologin {ACCOUNT}",
            "no_account",
        ) from None


def _become(account: pwd.struct_passwd) -> None:
    """Give up root's rights permanently."""
    if account.pw_uid != 0:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name)


if __name__ == "__main__":
    # What it writes belongs to this account alone, whatever the mask of the shell is.
    os.umask(0o077)
    sys.exit(main())
