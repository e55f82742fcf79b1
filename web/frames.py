"""Frames of websockets: a line over which more of them come than any page sends is cut before it holds up others.

The gate counts whole messages. A message may have any number of frames without a byte, and a line any number of pings:
one read of the line brings tens of thousands, and while the server takes them apart it answers nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import uvicorn

BURST, A_SECOND = 2000.0, 200.0
"""Frames of one line at once, and each second from then on. A page's message is one frame, of a large one a few; those
of an account that sends too fast wait in its line (`shares.Pace`), and come at half of this."""
PIECE_BYTES = 4 << 10
"""So much is taken apart before the frames in it are counted: seven hundred of the smallest."""


class Frames:
    """Counts the frames of one line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left, self._at = BURST, clock()

    def take(self, count: int) -> bool:
        """Count frames that came; return whether the line may go on."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * A_SECOND) - count
        self._at = now
        return self._left >= 0


def bound(config: uvicorn.Config) -> None:
    """Let websockets that are opened from now on be cut by their frames. `config`: loaded, with uvicorn's own protocol.

    Raises AttributeError where that protocol is another one than `websockets-sansio`.
    """
    known: Any = config.ws_protocol_class
    take_apart, handle = known.data_received, known.handle_events

    class Bounded(known):  # type: ignore[misc]  # the class is found when the server starts
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._frames = Frames()

        def data_received(self, data: bytes) -> None:
            for begin in range(0, len(data), PIECE_BYTES):
                if self.transport.is_closing():
                    return
                take_apart(self, data[begin : begin + PIECE_BYTES])

        def handle_events(self) -> None:
            if self._frames.take(len(self.conn.events)):
                handle(self)
            else:
                self.transport.abort()

    config.ws_protocol_class = Bounded
