"""The line of a live view: pictures of a camera come in, what is seen in each goes out; nothing of them is kept.

A page sends whose camera it is, then pictures: four bytes with the picture's number (little-endian) before a JPEG. Each
answer names the number of the picture that it is about; of pictures that wait the newest alone is looked at. Every
viewer has one picture in the queue for the cores, so that all get their turns, one after the other.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from clinic import clock
from clinic.access import Actor
from clinic.recordings import live
from clinic.settings import Settings
from db.engine import Database
from fer_core.errors import FerError
from fer_core.media.camera import CAMERA_BYTES
from web.analyzers import open_analyzer
from web.paths import CAMERA
from web.routes import same_origin
from web.threads import to_write
from web.window import POLICY_VIOLATION

if TYPE_CHECKING:
    from fer_core.live.view import LiveView

AT_ONCE = 2
"""Pictures that are looked at beside each other, each with half of the cores (`fer_core.device.share_cores`)."""
MOST_VIEWERS, MOST_OF_ONE = 8, 2
"""Lines that are open at once, of all accounts and of one."""
CHECKED_EVERY_S = 2.0
"""So soon after a consent was withdrawn, or a right was taken away, the line ends."""
WARNED_BEFORE_S = 120.0
"""So long before the sign-in ends the page says so."""
BEGUN_WITHIN_S = 10.0
MOST_A_SECOND = 60
"""Messages; a page sends no picture before an earlier one is answered, and has two under way."""
NUMBER_BYTES = 4
MOST_TEXT = 100
"""Characters of a message that is no picture; a longer one would be parsed while all others wait."""
ID = re.compile(r"[0-9a-f]{32}")


@dataclass(slots=True)
class Viewers:
    """Who watches now, and the turns in which the pictures of all are looked at."""

    watching: Counter[str] = field(default_factory=Counter)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def enter(self, account_id: str) -> None:
        """Let one more watch. Raises FerError ``too_many_viewers``."""
        if self.watching.total() >= MOST_VIEWERS or self.watching[account_id] >= MOST_OF_ONE:
            raise FerError("Too many live views are open. Please close one, or try again later.", "too_many_viewers")
        self.watching[account_id] += 1

    def leave(self, account_id: str) -> None:
        """Let one less watch."""
        self.watching -= Counter({account_id: 1})


def routes(settings: Callable[[], Settings], open_db: Callable[[], Database]) -> list[WebSocketRoute]:
    """Return the route of an installation; `settings` and `open_db` are asked for each line."""
    viewers = Viewers()

    async def camera(line: WebSocket) -> None:
        # A program that says nothing of where it comes from is no page of ours.
        if not same_origin(line):
            await line.close(POLICY_VIOLATION)
            return
        await line.accept()
        actor: Actor = line.scope["actor"]
        with suppress(WebSocketDisconnect, RuntimeError):
            try:
                viewers.enter(actor.account_id)
                try:
                    await _watch(line, actor, viewers.turns, settings(), await run_in_threadpool(open_db))
                finally:
                    viewers.leave(actor.account_id)
            except FerError as error:
                await line.send_json({"ended": error.code, "says": error.message})
                await line.close(POLICY_VIOLATION)

    return [WebSocketRoute(CAMERA, camera)]


async def _watch(line: WebSocket, actor: Actor, turns: asyncio.Semaphore, settings: Settings, db: Database) -> None:
    """Answer the pictures of one line until it ends. Raises FerError, WebSocketDisconnect."""
    patient_id = await _whose(line)
    await to_write(live.begin, db, actor, patient_id)
    held = await run_in_threadpool(live.holds_back, db, patient_id)
    watched = _Watched(line, turns, await run_in_threadpool(_open_view, settings), held)
    try:
        # What is recorded begins by this clock: that of the camera's computer may be wrong.
        await line.send_json({"ready": True, "now_ms": round(clock.now().timestamp() * 1000)})
        work = (watched.receive(), watched.answer(), _ask_again(watched, db, actor, patient_id))
        tasks = [asyncio.create_task(one) for one in work]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                one.result()
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        # Begun before anything is waited for: it is done also where this task is being cancelled.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, watched.close))


async def _whose(line: WebSocket) -> str | None:
    """Return the patient of the first message, None for nobody. Raises FerError ``no_live_view``."""
    refusal = FerError("This does not begin a live view.", "no_live_view")
    try:
        patient_id = _fields(await asyncio.wait_for(line.receive_text(), BEGUN_WITHIN_S))["patient"]
    except (TimeoutError, ValueError, TypeError, KeyError, RecursionError):
        raise refusal from None
    if patient_id is not None and not (isinstance(patient_id, str) and ID.fullmatch(patient_id)):
        raise refusal
    return patient_id


def _fields(text: str) -> Any:
    """Return what a message says that is no picture. Raises ValueError, RecursionError."""
    if len(text) > MOST_TEXT:
        raise ValueError("no message of a live view")
    return json.loads(text)


def _open_view(settings: Settings) -> LiveView:
    from fer_core.live.view import LiveView  # not at the top: it loads torch, which no page needs

    return LiveView(open_analyzer(settings))


async def _ask_again(watched: _Watched, db: Database, actor: Actor, patient_id: str | None) -> None:
    """Ask for rights and consent while somebody watches. Raises what `live.remaining_s` raises."""
    while True:
        watched.left_s = await run_in_threadpool(live.remaining_s, db, actor, patient_id)
        watched.held = await run_in_threadpool(live.holds_back, db, patient_id)
        await asyncio.sleep(CHECKED_EVERY_S)


def _without_label(face: dict[str, Any]) -> dict[str, Any]:
    """Return a face as the view tells it, without what the model says of it."""
    if face.get("probabilities") is None:
        return face
    return face | {"status": live.HELD, "label": None, "band": "", "probabilities": None}


class _Watched:
    """One line whose pictures are looked at.

    `left_s`: until the sign-in ends unless the person does something. `held`: labels are not interpreted.
    """

    def __init__(self, line: WebSocket, turns: asyncio.Semaphore, view: LiveView, held: bool) -> None:
        self._line, self._turns, self._view = line, turns, view
        self._newest: bytes | None = None
        self._come = asyncio.Event()
        self._second, self._messages = 0, 0
        self._looking = threading.Lock()
        self.left_s, self.held = float("inf"), held

    async def receive(self) -> None:
        """Take what comes, and keep the newest picture alone. Raises WebSocketDisconnect, FerError."""
        while True:
            message = await self._line.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", POLICY_VIOLATION))
            self._count()
            picture, text = message.get("bytes"), message.get("text")
            if picture is None:
                self._choose(text or "")
                continue
            if not NUMBER_BYTES < len(picture) <= NUMBER_BYTES + CAMERA_BYTES:
                raise FerError("This picture is too large for a live view.", "too_big")
            self._newest = picture
            self._come.set()

    async def answer(self) -> None:
        """Look at the newest picture again and again. Raises MediaError."""
        while True:
            await self._come.wait()
            async with self._turns:
                picture, self._newest = self._newest, None
                self._come.clear()
                assert picture is not None
                answer = await run_in_threadpool(self._look, picture)
            await self._line.send_json(answer | self._warning())

    def close(self) -> None:
        """Close the view, after the picture that is being looked at: its thread can't be stopped."""
        with self._looking:
            self._view.close()

    def _look(self, picture: bytes) -> dict[str, Any]:
        begun = time.perf_counter()
        with self._looking:
            answer = self._view.look(picture[NUMBER_BYTES:], time.monotonic())
        if self.held:
            answer["faces"] = [_without_label(face) for face in answer["faces"]]
        number = int.from_bytes(picture[:NUMBER_BYTES], "little")
        return answer | {"number": number, "took_ms": round((time.perf_counter() - begun) * 1000, 1)}

    def _warning(self) -> dict[str, Any]:
        return {"ends_in_s": round(self.left_s)} if self.left_s < WARNED_BEFORE_S else {}

    def _choose(self, text: str) -> None:
        """Take which face was chosen. Raises FerError ``no_live_view``."""
        refusal = FerError("This is not a request of a live view.", "no_live_view")
        try:
            chosen = _fields(text)["choose"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise refusal from None
        if chosen is not None and (type(chosen) is not int or not 0 <= chosen < 2**31):
            raise refusal
        self._view.choose(chosen)

    def _count(self) -> None:
        """Count a message. Raises FerError ``rate_limit``."""
        second = int(time.monotonic())
        self._messages = self._messages + 1 if second == self._second else 1
        self._second = second
        if self._messages > MOST_A_SECOND:
            raise FerError("More pictures came than a camera makes.", "rate_limit")
