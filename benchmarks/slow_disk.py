"""How long the web server's loop stands still on a slow disk: ``python -m benchmarks.slow_disk --uploads 30``.

Each fsync takes a second. The loop's longest wait is that of a timer beside the uploads, and a small request is timed.
`--on-loop` does the disk's work on the loop itself, as a server without threads would.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from clinic import clock, words
from clinic.access import Actor, Role
from clinic.recordings import incoming
from clinic.settings import Settings
from db.engine import Database, migrate, open_database
from db.models import Account, SignIn, new_id
from storage import keys
from storage.sealed import CHUNK_BYTES
from web import routes as web_routes
from web.routes import PIECE_TYPE

FSYNC_S = 1.0
TICK_S = 0.005


class SignedIn:
    """Puts who acts into the scope, as the gate does."""

    def __init__(self, app: ASGIApp, actor: Actor) -> None:
        self._app, self._actor = app, actor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        scope["actor"] = self._actor
        await self._app(scope, receive, send)


def signed_in(db: Database) -> Actor:
    """Store an account that is signed in."""
    now = clock.now()
    with db.session() as session:
        account = Account(
            name="Made Up",
            name_key="made up",
            role=Role.CLINICIAN,
            password_hash="",
            created_at=now,
            statement=words.STATEMENT_VERSION,
        )
        session.add(account)
        session.flush()
        begun = SignIn(token_sha256="0" * 64, account_id=account.id, created_at=now, seen_at=now)
        session.add(begun)
        session.flush()
        return Actor(account.id, begun.id, account.name, Role.CLINICIAN)


async def longest_wait(waits: list[float]) -> None:
    """Note how much later than asked a timer comes, seconds."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(TICK_S)
        waits.append(time.perf_counter() - begun - TICK_S)


async def send_all(app: Starlette, uploads: list[str], waits: list[float]) -> list[float]:
    """Send a piece of each upload at once; return how long small requests took meanwhile, seconds."""
    headers = {"Upload-Offset": "0", "Content-Type": PIECE_TYPE, "Sec-Fetch-Site": "same-origin"}
    watcher, small = asyncio.create_task(longest_wait(waits)), list[float]()
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1", timeout=600
    ) as client:
        sent = [
            asyncio.create_task(client.patch(f"/uploads/{one}", content=bytes(CHUNK_BYTES), headers=headers))
            for one in uploads
        ]
        while not all(one.done() for one in sent):
            begun = time.perf_counter()
            await client.head(f"/uploads/{uploads[0]}", headers=headers)
            small.append(time.perf_counter() - begun)
            await asyncio.sleep(TICK_S)
        answers = await asyncio.gather(*sent)
    if any(answer.status_code != 204 for answer in answers):
        raise SystemExit("an upload was refused")
    watcher.cancel()
    return small


def main() -> None:
    """Send the uploads and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=30)
    parser.add_argument("--on-loop", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(Settings.at(Path(folder) / "data"), min_free_bytes=0)
        settings.data_dir.mkdir()
        keys.make(settings)
        migrate(settings.database_url)
        db = open_database(settings.database_url)
        actor = signed_in(db)
        made = [incoming.Incoming(new_id(), 2 * CHUNK_BYTES, actor.account_id) for _ in range(options.uploads)]
        uploads = [incoming._open(settings, one).id for one in made]
        real, waits = os.fsync, list[float]()

        def slow(descriptor: int) -> None:
            time.sleep(FSYNC_S)
            real(descriptor)

        os.fsync = slow  # type: ignore[assignment]
        if options.on_loop:
            web_routes.on_disk = _on_loop  # type: ignore[assignment]
        app = Starlette(
            routes=web_routes.routes(lambda: settings, lambda: db), middleware=[Middleware(SignedIn, actor=actor)]
        )
        begun = time.perf_counter()
        small = asyncio.run(send_all(app, uploads, waits))
        sys.stdout.write(
            f"{options.uploads} uploads in {time.perf_counter() - begun:.1f} s; the loop's longest wait"
            f" {max(waits) * 1000:.0f} ms; {len(small)} small requests, the slowest {max(small) * 1000:.0f} ms\n"
        )
        db.close()


def _on_loop(work: object, *args: object) -> asyncio.Future[object]:
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    done.set_result(work(*args))  # type: ignore[operator]
    return done


if __name__ == "__main__":
    main()
