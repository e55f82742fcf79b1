"""An open websocket: each message is checked, and the line is cut when its sign-in ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope, Send

from clinic.access import Actor
from web.paths import CAMERA

WATCHED_EVERY_S = 1.0
"""An open websocket is closed so soon after its sign-in ended."""
UNSUPPORTED, POLICY_VIOLATION, TOO_LARGE = 1003, 1008, 1009

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an open websocket asks of its gate.

    `actor` gives who is signed in now, None for nobody. `note` writes down that this person was active.
    `wait_turn(account_id, bytes)` returns when this account's next message may be read. The others are `gate.Behind`'s.
    """

    actor: Callable[[], Awaitable[Actor | None]]
    note: Callable[[Actor], Awaitable[None]]
    wait_turn: Callable[[str, int], Awaitable[None]]
    is_user_action: Callable[[bytes], bool]
    refusal: Callable[[bytes], int | None]
    sign_out_message: bytes


class Window:
    """One open websocket, as what lies behind the gate sees it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, rules: Rules) -> None:
        self._scope, self._receive, self._send, self._rules = scope, receive, send, rules
        self.cutting = asyncio.Lock()
        self._ended = asyncio.Event()
        self._accepted = False
        self._messages = 0
        self._is_camera = scope["path"] == CAMERA

    async def receive(self) -> Message:
        """Return the next message, or the end of the line."""
        message = await self._next()
        if message is None:
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
        # So many pictures come that asking for each would cost more than looking at it; `watch` asks every second.
        if self._is_camera:
            return message
        code = await self._refused(message) if message["type"] == "websocket.receive" else None
        if code is not None:
            await self._cut(code)
            return {"type": "websocket.disconnect", "code": code}
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on, unless the line is cut."""
        if self._ended.is_set():
            return
        self._accepted = self._accepted or message["type"] == "websocket.accept"
        await self._send(message)

    async def watch(self) -> None:
        """Close the connection soon after its sign-in ended, also without any message."""
        while not self._ended.is_set():
            await asyncio.sleep(WATCHED_EVERY_S)
            try:
                lives = await self._rules.actor() is not None
            except Exception as error:  # noqa: BLE001  # where nobody can be asked, nobody stays
                log.error("an open window was closed: %s", type(error).__name__)
                lives = False
            if not lives:
                await self._cut()

    async def _next(self) -> Message | None:
        """Return the next message, or None when the line is cut before it comes."""
        coming, ended = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
            return None if self._ended.is_set() else coming.result()
        finally:
            for waiting in (coming, ended):
                waiting.cancel()

    async def _refused(self, message: Message) -> int | None:
        """Return the code with which the line ends at a message, None where it goes on."""
        content = message.get("bytes")
        # Pages send no text.
        code = UNSUPPORTED if content is None else self._rules.refusal(content)
        if content is None or code is not None:
            log.warning("a window was closed: its message was none that a page sends")
            return code
        await self._rules.wait_turn(self._scope["actor"].account_id, len(content))
        return None if await self._lives(content) else POLICY_VIOLATION

    async def _lives(self, message: bytes) -> bool:
        actor = await self._rules.actor()
        self._messages += 1
        # The first message is sent by the page itself, also when it only comes back after the network was gone.
        if actor is not None and self._messages > 1 and self._rules.is_user_action(message):
            await self._rules.note(actor)
        return actor is not None

    async def _cut(self, code: int = POLICY_VIOLATION) -> None:
        """Close, and tell the page to leave where its sign-in ended."""
        async with self.cutting:
            if self._ended.is_set():
                return
            self._ended.set()
            # A client that is gone needs no last message.
            with suppress(OSError, RuntimeError):
                if self._accepted and not self._is_camera and code == POLICY_VIOLATION:
                    await self._send({"type": "websocket.send", "bytes": self._rules.sign_out_message})
                await self._send({"type": "websocket.close", "code": code})


async def turn_away(receive: Receive, send: Send) -> None:
    """Refuse a websocket before it is accepted: the upgrade is answered with 403."""
    await receive()
    await send({"type": "websocket.close", "code": POLICY_VIOLATION})
