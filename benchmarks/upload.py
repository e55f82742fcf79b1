"""What a large upload costs: ``python -m benchmarks.upload --gb 2`` sends a video to a server and reads its memory.

The bytes are made on the fly: a small clip, and behind it random bytes that players skip. Linux alone (/proc).
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from clinic import words
from clinic.access import Actor, Role
from clinic.accounts import accounts, sessions
from clinic.admin import keyring
from clinic.recordings import incoming, uploads
from clinic.settings import Settings
from clinic.worker import selftest
from clinic.worker.drawn_face import draw_face
from db.engine import Database, migrate, open_database
from web.headers import COOKIE
from web.routes import PIECE_TYPE

ROOT = Path(__file__).parents[1]
PIECE = 16 * 1024 * 1024
"""What the page sends at once."""
STEP = 64 * 1024


def content(size: int) -> Iterator[bytes]:
    """Yield a playable video of `size` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        selftest.write_clip(clip, (draw_face(smile=n / 20, shift_px=0) for n in range(20)))
        begun = clip.read_bytes()
    # A 64-bit length, for a box of more than 4 GB.
    begun += (1).to_bytes(4, "big") + b"free" + (size - len(begun)).to_bytes(8, "big")
    yield begun
    left = size - len(begun)
    while left:
        part = os.urandom(min(STEP, left))
        left -= len(part)
        yield part


def memory_mb(pid: int, what: str) -> float:
    """Return what the kernel says of a process's memory: ``VmRSS`` now, ``VmHWM`` at its peak."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def send(port: int, token: str, upload_id: str, size: int) -> str:
    """Send the content in pieces, as the page does, and return its SHA-256."""
    digest, waiting, parts, offset = hashlib.sha256(), b"", content(size), 0
    while offset < size:
        length = min(PIECE, size - offset)

        def piece(left: int = length) -> Iterator[bytes]:
            nonlocal waiting
            while left:
                waiting = waiting or next(parts)
                part, waiting = waiting[:left], waiting[left:]
                left -= len(part)
                digest.update(part)
                yield part

        connection = http.client.HTTPConnection("127.0.0.1", port)
        headers = {"Upload-Offset": str(offset), "Content-Type": PIECE_TYPE, "Content-Length": str(length)}
        headers |= {"Origin": f"http://127.0.0.1:{port}", "Cookie": f"{COOKIE}={token}"}
        connection.request("PATCH", f"/uploads/{upload_id}", body=piece(), headers=headers)
        answer = connection.getresponse()
        if answer.status != 204:
            raise SystemExit(answer.read().decode())
        offset = int(answer.headers["Upload-Offset"])
        connection.close()
    return digest.hexdigest()


def measure(size: int) -> dict[str, float]:
    """Upload to a server that did nothing yet, hand the file in, and return megabytes and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(Settings.at(Path(folder) / "data"), max_upload_bytes=size)
        settings.data_dir.mkdir()
        migrate(settings.database_url)
        db = open_database(settings.database_url)
        keyring.settle(db, settings)
        token, who = _enter(db)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {"FER_DATA_DIR": str(settings.data_dir), "FER_MAX_UPLOAD_GB": str(size / 1e9)}
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            _wait(port)
            before = memory_mb(server.pid, "VmRSS")
            # The peak of the start doesn't count.
            Path(f"/proc/{server.pid}/clear_refs").write_text("5")
            upload, begun = incoming.begin(db, settings, who, size), time.perf_counter()
            sha256 = send(port, token, upload.id, size)
            spent = time.perf_counter() - begun
            peak = memory_mb(server.pid, "VmHWM")
        finally:
            server.terminate()
            server.wait(20)
            db.close()
        return {
            "size_gb": size / 1e9,
            "before_mb": before,
            "more_at_peak_mb": peak - before,
            "upload_s": spent,
            "upload_mb_per_s": size / 1e6 / spent,
            **_hand_in(settings, who, upload.id, sha256),
        }


def _enter(db: Database) -> tuple[str, Actor]:
    """Sign an invented clinician in; return the token and who acts."""
    with db.session() as session:
        account = accounts.insert_account(session, "Invented", Role.CLINICIAN, "no password", must_change=False)
        account.statement = words.STATEMENT_VERSION
        token = sessions.start(session, account)
        return token, Actor(account.id, "", account.name, Role.CLINICIAN)


def _hand_in(settings: Settings, who: Actor, upload_id: str, sha256: str) -> dict[str, float]:
    """Inspect and store the file, then read it whole out of the store; raise SystemExit if it isn't what was sent."""
    begun = time.perf_counter()
    made = incoming.complete(settings, upload_id, "visit.mp4", who.account_id)
    inspected = time.perf_counter() - begun
    digest, begun = hashlib.sha256(), time.perf_counter()
    with uploads.open_stored(settings, upload_id) as file:
        while part := file.read(1 << 20):
            digest.update(part)
    if not sha256 == made.sha256 == digest.hexdigest():
        raise SystemExit("the file is not the one that was sent")
    return {"hand_in_s": inspected, "read_mb_per_s": made.size / 1e6 / (time.perf_counter() - begun)}


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upload", description=__doc__)
    parser.add_argument("--gb", type=float, default=2.0)
    options = parser.parse_args()
    sys.stdout.write(json.dumps(measure(int(options.gb * 1e9)), indent=1) + "\n")
