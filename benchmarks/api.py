"""How long programs wait for the faces of a picture: ``python -m benchmarks.api`` asks with 1, 4 and 16 at once.

The server is a process of its own, with the gate, a token and the shipped model; the picture is drawn in code.
"""

from __future__ import annotations

import argparse
import http.client
import io
import multiprocessing
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware

from clinic import words
from clinic.access import Actor, Role
from clinic.accounts import accounts, first_administrator, sessions, tokens
from clinic.settings import Settings
from clinic.worker.drawn_face import draw_face
from db.engine import Database, migrate, open_database
from storage import keys
from web.api import application
from web.gate import Behind, Gate
from web.paths import API

CLIENTS, ACCOUNTS = (1, 4, 16), 4
PASSWORD = "nine wet umbrellas on a shelf"  # noqa: S105 of a database that lives for a minute


def serve(folder: Path, port: int) -> None:
    """Serve the API of an installation until the process is ended."""
    settings = Settings.at(folder)
    db = open_database(settings.database_url)
    behind = Behind(lambda: db, lambda _message: False, b"", "default-src 'none'")
    app = Starlette(
        routes=application.routes(lambda: settings, lambda: db), middleware=[Middleware(Gate, behind=behind)]
    )
    uvicorn.run(app, port=port, log_level="error")


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """Serve from a process of its own, and return its port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, port))
    process.start()
    try:
        for _ in range(600):
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.join()


def make_tokens(folder: Path) -> list[str]:
    """Lay down a database with `ACCOUNTS` accounts, and return a token for no patient of each."""
    settings = Settings.at(folder)
    keys.make(settings)
    migrate(settings.database_url)
    db: Database = open_database(settings.database_url)
    first_administrator.add(db, "code", "code", "Benchmark", PASSWORD)
    first = _signed_in(db, "Benchmark")
    made = [tokens.make(db, first, "benchmark", [], PASSWORD)]
    for number in range(1, ACCOUNTS):
        name = f"Benchmark {number}"
        given = accounts.add(db, first, name, Role.VIEWER)
        sessions.change_password(db, _signed_in(db, name, given), given, PASSWORD)
        made.append(tokens.make(db, _signed_in(db, name), "benchmark", [], PASSWORD))
    db.close()
    return made


def _signed_in(db: Database, name: str, password: str = PASSWORD) -> Actor:
    actor = sessions.actor_of(db, sessions.sign_in(db, name, password))
    assert actor is not None
    if not actor.must_change:
        accounts.accept_statement(db, actor, words.STATEMENT_VERSION)
    return actor


def picture() -> bytes:
    """Return a JPEG of 640 x 480 with one face."""
    content = io.BytesIO()
    face = Image.fromarray(draw_face(smile=1.0, shift_px=0)).resize((640, 480))
    Image.fromarray(np.asarray(face)).save(content, "JPEG", quality=90)
    return content.getvalue()


def ask(port: int, token: str, body: bytes, count: int, waits: list[float], refused: list[float]) -> None:
    """Send a picture so many times, one after the other, and note how long each answer took in seconds."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    for _ in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        began = time.perf_counter()
        connection.request("POST", f"{API}/expressions", body, headers)
        answer = connection.getresponse()
        answer.read()
        (waits if answer.status == 200 else refused).append(time.perf_counter() - began)
        connection.close()


def together(port: int, made: list[str], clients: int, count: int) -> tuple[list[float], int, float]:
    """Return the waits of all, how many were refused, and how long the whole took, in seconds.

    The programs belong to the accounts in turn: of one, four pictures at most come in or wait.
    """
    waits: list[float] = []
    refused: list[float] = []
    each = max(1, count // clients)
    began = time.perf_counter()
    asking = [
        threading.Thread(target=ask, args=(port, made[number % len(made)], picture(), each, waits, refused))
        for number in range(clients)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return waits, len(refused), time.perf_counter() - began


def main() -> None:
    """Print one row for each number of programs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=96, help="in all, for each number of programs")
    count = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["FER_KEY_DIR"] = str(folder / "keys")
        made = make_tokens(folder)
        with server(folder) as port:
            together(port, made, 1, 3)
            print(f"{'programs':<10}{'p50 ms':>8}{'p95 ms':>8}{'a second':>10}{'refused':>9}")  # noqa: T201
            for clients in CLIENTS:
                waits, refused, took_s = together(port, made, clients, count)
                p50, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
                row = f"{clients:<10}{p50 * 1000:>8.0f}{p95 * 1000:>8.0f}{len(waits) / took_s:>10.1f}{refused:>9}"
                print(row, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
