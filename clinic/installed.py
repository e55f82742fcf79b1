"""The command `expression-history`: a command of the clinic with a server's settings, as the installation's account.

Root reads the settings, which hold the database's password, and becomes the account before anything else is done: what
root would write, the program could not open.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from clinic import __main__ as clinic
from clinic.admin import commands
from clinic.admin.ownership import SETTINGS_FILE
from clinic.console import answered
from clinic.settings import Settings
from fer_core.errors import FerError

K = TypeVar("K", int, str)
ACCOUNT = "expression-history"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TYPOGRAPHIC = tuple("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb")
_QUOTED = re.compile(r"""'[^']*'|"([^"\\]|\\.)*\"""")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    code = answered(lambda: _prepare(words))
    return code or clinic.main(arguments, prog=ACCOUNT)


def read_settings(path: Path) -> dict[str, str]:
    """Return the variables of a settings file, as systemd reads it: NAME=VALUE, ``#`` or ``;`` before a comment.

    Raises FerError ``settings_closed`` where this account may not read it, ``bad_setting`` for a line that systemd
    ignores or reads in another way.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise FerError(f"This account may not read {path}. Please run it as root (sudo).", "settings_closed") from None
    except IsADirectoryError:
        raise FerError(f"{path} is a folder. Please put a file of NAME=VALUE lines there.", "bad_setting") from None
    return dict(_pairs(path, content))


def _pairs(path: Path, content: bytes) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(re.split(rb"\r?\n|\r", content), start=1):
        try:
            pair = _pair(line)
        except ValueError as error:
            # The line itself may hold a password.
            raise FerError(f"Line {number} of {path} can't be used: {error}", "bad_setting") from None
        if pair is not None:
            yield pair


def _pair(line: bytes) -> tuple[str, str] | None:
    """Return a line's name and value, None for an empty line and a comment. Raises ValueError."""
    if line.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or b"\0" in line:
        raise ValueError("it has a byte order mark, or is UTF-16. Please save the file as UTF-8 without one.")
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("it isn't UTF-8. Please save the file as UTF-8.") from None
    if not text or text[0] in "#;":
        return None
    if "=" not in text:
        raise ValueError("it is neither a comment (#) nor NAME=VALUE. Please write it as one of them.")
    name, _, value = text.partition("=")
    if not _NAME.fullmatch(name.strip()):
        raise ValueError("what comes before = is not a name. Please write NAME=VALUE, without `export`.")
    return name.strip(), _plain(value.strip())


def _plain(value: str) -> str:
    """Return a value without the quotes around it; between them nothing is expanded. Raises ValueError."""
    if value[:1] in ("'", '"'):
        if not _QUOTED.fullmatch(value):
            raise ValueError("the quotation marks don't enclose the value. Please close them, or leave them out.")
        return "".join(shlex.split(value))
    if value[:1] in TYPOGRAPHIC:
        raise ValueError("its quotation marks are typographic. Please write \" or ', or none.")
    if re.search(r"\s#", value):
        raise ValueError("what follows # would be part of the value. Please put the comment into a line of its own.")
    if len(value) - len(value.rstrip("\\")) & 1:
        raise ValueError("it ends in a backslash. Please write the value in one line.")
    return re.sub(r"\\(.)", r"\1", value)


def _prepare(words: Sequence[str]) -> int:
    """Apply the settings, and become the installation's account if this is root; `doctor` reports what is refused."""
    try:
        os.environ.update(read_settings(SETTINGS_FILE))
        data_dir = Settings.from_environment(make=False).data_dir
    except FerError as error:
        if list(words[:1]) != ["doctor"]:
            raise
        return commands.report([commands.refused(error)], as_json="--json" in words)
    if os.geteuid() == 0:
        _become(account_of(data_dir))
    return 0


def account_of(data_dir: Path) -> pwd.struct_passwd:
    """Return the installation's account: the data folder's owner, or the account that the units name.

    Where a copy made the folder root's, or an unknown account's, it is the latter, and is refused there.
    Raises FerError ``no_account``.
    """
    of_units = _known(pwd.getpwnam, ACCOUNT)
    uid = data_dir.stat().st_uid if data_dir.exists() else None
    owner = _known(pwd.getpwuid, uid) if uid is not None else None
    if owner is not None and (uid != 0 or of_units is None):
        return owner
    if of_units is not None:
        return of_units
    raise FerError(
        f"There is no account {ACCOUNT} yet: useradd --system --home-dir /var/lib/{ACCOUNT} --shell /usr/sbin/nologin"
        f" {ACCOUNT}",
        "no_account",
    )


def _known(ask: Callable[[K], pwd.struct_passwd], key: K) -> pwd.struct_passwd | None:
    try:
        return ask(key)
    except KeyError:
        return None


def _become(account: pwd.struct_passwd) -> None:
    """Give up root's rights permanently."""
    if account.pw_uid != 0:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name)
    _require_program()


def _require_program() -> None:
    """Refuse a Python or a program that the account can't read: the rest of it would be missing, one part at a time.

    Raises FerError ``unsafe_settings``.
    """
    for place in (os.__file__, sys.prefix, __file__):
        if not os.access(place, os.R_OK):
            raise FerError(
                f"This account can't read {place}, a part of the program or of its Python. Please make .venv again, as"
                " root, with a Python outside of home folders: /usr/bin/python3 -m venv --clear .venv. Then install the"
                " requirements again.",
                "unsafe_settings",
            )


if __name__ == "__main__":
    # What it writes belongs to this account alone, whatever the mask of the shell is.
    os.umask(0o077)
    sys.exit(main())
