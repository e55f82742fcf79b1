"""A PostgreSQL server of the tests' own: made in a temporary folder, reached by a socket in it, and removed with it."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

OWNER = "clinic"
INSTALLED = Path("/usr/lib/postgresql")
SETTINGS = {
    "listen_addresses": "",
    # What a power cut would lose is lost with the folder anyway.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def programs():
    """The folder of the newest initdb and pg_ctl, or None where PostgreSQL is not installed."""
    found = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def server_user():
    """The account that the server runs under: PostgreSQL refuses to be root. None for this process's own."""
    return "postgres" if os.geteuid() == 0 else None


def why_not():
    """The reason why no server can be started here, or None."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if server_user() is not None:
        try:
            pwd.getpwnam(server_user())
        except KeyError:
            return "PostgreSQL doesn't run as root, and there is no account postgres"
    return None


@contextlib.contextmanager
def server():
    """Start a server and give the folder of its socket; it is stopped at the end, and everything of it is deleted."""
    user, bin_dir = server_user(), programs()
    # Not below pytest's folder: that one is the tester's alone, and a socket's path may have 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="fer-pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        _call([bin_dir / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"], user)
        options = " ".join(f"-c {name}={value!r}" for name, value in SETTINGS.items())
        control = [bin_dir / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
        _call([*control, "-o", f"{options} -c unix_socket_directories={folder}", "start"], user)
        try:
            yield folder
        finally:
            _call([*control, "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(folder)


def url_of(socket_folder, database):
    """The SQLAlchemy URL of a database of the server."""
    return f"postgresql+psycopg://{OWNER}@/{database}?host={socket_folder}"


def _call(command, user):
    # A server that keeps the pipe open would be waited for: so its words go to a file.
    with tempfile.TemporaryFile() as words:
        done = subprocess.run(
            command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=words, stderr=words, check=False
        )
        words.seek(0)
        assert done.returncode == 0, words.read().decode()
