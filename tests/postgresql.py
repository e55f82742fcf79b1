"""A PostgreSQL server for a while: made in a temporary folder, reached by a socket in it, and removed with it.

It ends with the process that started it, even where that one is killed: a watcher waits for the end of its pipe.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

OWNER = "clinic"
INSTALLED = Path("/usr/lib/postgresql")
KEEP = 'cat; "$@" -D "$0/data" -m immediate -w stop; rm -rf "$0"'
"""The work of the watcher: `cat` ends when the other end of the pipe is closed, by whatever became of its owner."""
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: what a power cut would lose is lost with the folder anyway."""


def programs() -> Path | None:
    """Return the folder of the newest initdb and pg_ctl, or None where PostgreSQL is not installed."""
    found = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def why_not() -> str | None:
    """Return the reason why no server can be started here, or None."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    user = _server_user()
    if user is not None:
        try:
            pwd.getpwnam(user)
        except KeyError:
            return "PostgreSQL doesn't run as root, and there is no account postgres"
    return None


@contextlib.contextmanager
def server(options: dict[str, str] | None = None) -> Iterator[Path]:
    """Start a server and give the folder of its socket; its watcher stops it at the end and deletes everything of it.

    `options`: settings of postgresql.conf. Raises RuntimeError where none can be started.
    """
    reason, folder_of_programs = why_not(), programs()
    if reason is not None or folder_of_programs is None:
        raise RuntimeError(reason)
    user = _server_user()
    # Not below a folder of the user's alone: the server runs under another account, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="fer-pg-"))
    if user is not None:
        shutil.chown(folder, user)
    with _watcher(folder_of_programs, folder, user):
        data = str(folder / "data")
        init = [str(folder_of_programs / "initdb"), "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8"]
        _call([*init, "--locale=C", "-N"], user)
        reported = {"listen_addresses": "", "unix_socket_directories": str(folder), **(options or {})}
        settings = " ".join(f"-c {name}={value!r}" for name, value in reported.items())
        control = [str(folder_of_programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
        _call([*control, "-o", settings, "start"], user)
        yield folder


def _watcher(folder_of_programs: Path, folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    """Start the watcher, in a session of its own, so that what kills this process and its children leaves it alone.

    It deletes as this process's own account, since the server's may not where the folder of temporary files is closed.
    """
    stop = [*(["runuser", "-u", user, "--"] if user is not None else []), str(folder_of_programs / "pg_ctl")]
    return subprocess.Popen(
        ["sh", "-c", KEEP, str(folder), *stop],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def url_of(socket_folder: Path, database: str = "postgres") -> str:
    """Return the SQLAlchemy URL of a database of the server."""
    return f"postgresql+psycopg://{OWNER}@/{database}?host={socket_folder}"


def _server_user() -> str | None:
    """Return the account that the server runs under, as it refuses to be root; None for this process's own."""
    return "postgres" if os.geteuid() == 0 else None


def _call(command: Sequence[str], user: str | None) -> None:
    # A server that keeps a pipe open would be waited for: so its words go to a file.
    with tempfile.TemporaryFile() as words:
        done = subprocess.run(
            command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=words, stderr=words, check=False
        )
        if done.returncode:
            words.seek(0)
            raise RuntimeError(words.read().decode())
