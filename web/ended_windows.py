"""Windows whose connection ended: what the server holds for them is released a minute later.

Streamlit keeps the session of a window that was closed, so that one whose line broke goes on where it was. It takes
old ones away only when another window is closed, and never shuts them down: until then each holds what it showed of a
patient, and the three file descriptors of an event loop.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from streamlit.runtime import Runtime
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

KEPT_S = 60.0
"""So long a window may come back to its session."""
LOOKED_EVERY_S = 10.0


class Sessions(Protocol):
    """What closes a session: Streamlit's runtime, or its manager of sessions."""

    def close_session(self, session_id: str) -> None:
        """Shut a session down, and forget it."""


class EndedWindows:
    """Remembers since when each session has had no window. For the server's loop alone."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def close_due(self, waiting: set[str], sessions: Sessions, now: float) -> None:
        """Close those of `waiting`, the sessions without a window, that have been so for long. `now`: seconds."""
        self._since = {one: self._since.get(one, now) for one in waiting}
        for one, since in list(self._since.items()):
            if now - since >= KEPT_S:
                sessions.close_session(one)
                del self._since[one]


def without_window(manager: WebsocketSessionManager) -> set[str]:
    """Return the ids of the sessions that Streamlit keeps for windows that may come back."""
    return {info.session.id for info in manager._session_storage.list()}


async def keep_closing() -> None:
    """Close what is due, until this is cancelled."""
    ended = EndedWindows()
    while True:
        await asyncio.sleep(LOOKED_EVERY_S)
        if Runtime.exists():
            runtime = Runtime.instance()
            ended.close_due(without_window(_manager(runtime)), runtime, time.monotonic())


def _manager(runtime: Runtime) -> WebsocketSessionManager:
    manager = runtime._session_mgr
    if not isinstance(manager, WebsocketSessionManager):
        raise TypeError("Streamlit's sessions are managed otherwise")
    return manager
