"""How much a program may ask for: so many requests of one token, so many at once, and bodies of a bounded size."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clinic.accounts.throttle import TooManyError
from fer_core.errors import FerError
from web.api.problems import Problem
from web.attempts import AddressLimit

BURST, REFILL_S = 120, 0.1
"""Requests that a token may make at once, and after how many seconds it has one more."""
JSON_BYTES, PICTURE_BYTES = 64 * 1024, 25 * 10**6
BODY_WITHIN_S = 60.0
"""A body that comes in slowly keeps others waiting no longer."""
UNBOUNDED = "PATCH"
"""The pieces of an upload are written as they arrive, up to the announced length."""
WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
MOST_OPEN, MOST_OPEN_OF_ONE = 24, 8
"""Requests that are answered at once, of all accounts, and that are open, of one; without the pieces of uploads. Each
may hold one of the server's forty threads, for as long as the database can't be written to, once its body is there."""


LATER = {"Retry-After": "1"}


class TooFastError(FerError):
    """A token that asked too often; `retry_after_s`: how many seconds it has to wait."""

    code = "rate_limit"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many requests. Please wait {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class TokenLimit:
    """Counts the requests of each token in this process; a restart forgets them."""

    def __init__(self, burst: int = BURST, refill_s: float = REFILL_S) -> None:
        self._limit = AddressLimit(burst, refill_s)

    def take(self, token_id: str) -> None:
        """Count a request. Raises TooFastError."""
        try:
            self._limit.take(token_id)
        except TooManyError as error:
            raise TooFastError(error.retry_after_s) from None


class _RefusedError(Exception):
    pass


class BodyLimit:
    """Refuses a body that is too large, whatever length it claims, before it is whole in memory, or too slow."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse, one request."""
        if scope["type"] != "http" or scope["method"] == UNBOUNDED:
            await self._app(scope, receive, send)
            return
        body = _Body(receive, PICTURE_BYTES if scope["path"].endswith("/expressions") else JSON_BYTES)
        with suppress(_RefusedError):
            await self._app(scope, body.receive, body.unless_refused(send))
        if body.refusal is not None:
            await body.refusal(scope, receive, send)


class _Refusable:
    """A request that may be refused while its body comes; `refusal` says why."""

    refusal: Problem | None = None

    def unless_refused(self, send: Send) -> Send:
        """Return what passes an answer on; what the operation says of a body that it couldn't read isn't the reason."""

        async def answered(message: Message) -> None:
            if self.refusal is None:
                await send(message)

        return answered


class _Body(_Refusable):
    """The body of one request: at most so many bytes, within `BODY_WITHIN_S`."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive, self._most, self._come = receive, most_bytes, 0
        self._until: float | None = asyncio.get_running_loop().time() + BODY_WITHIN_S

    async def receive(self) -> Message:
        """Return the next part, and after the last one what the server says. Raises _RefusedError."""
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.refusal = Problem(408, "slow_body", "The body took too long to arrive. Please send it again.")
            raise _RefusedError from None
        self._come += len(message.get("body", b""))
        if self._come > self._most:
            self.refusal = Problem(413, "too_big", f"The body is larger than {self._most // 1000:,} kB.")
            raise _RefusedError
        if not message.get("more_body"):
            self._until = None
        return message


class OpenLimit:
    """Refuses a request beyond those that may be open at once. For the event loop alone, which keeps the count.

    The account's place is taken by the head of a request, one of those of all when its body is there: bodies that don't
    come keep nobody else waiting.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: Counter[str] = Counter()
        self._answered: set[_Place] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse, one request."""
        if scope["type"] != "http" or scope["method"] == UNBOUNDED:
            await self._app(scope, receive, send)
            return
        account_id = scope["actor"].account_id
        if self._open[account_id] >= MOST_OPEN_OF_ONE:
            said = "Too many of your account's requests are open. Please wait for their answers."
            await Problem(429, "too_many_open", said, LATER)(scope, receive, send)
            return
        self._open[account_id] += 1
        place = _Place(receive, self._answered)
        try:
            with suppress(_RefusedError):
                if scope["method"] in WITHOUT_BODY:
                    place.take()
                await self._app(scope, place.receive, place.unless_refused(send))
            if place.refusal is not None:
                await place.refusal(scope, receive, send)
        finally:
            self._open -= Counter({account_id: 1})
            self._answered.discard(place)


class _Place(_Refusable):
    """One of the places of all that are answered at once, taken when the request's body is there."""

    def __init__(self, receive: Receive, answered: set[_Place]) -> None:
        self._receive, self._answered = receive, answered

    async def receive(self) -> Message:
        """Return the next part of the body. Raises _RefusedError behind the last one where no place is free."""
        message = await self._receive()
        if not message.get("more_body"):
            self.take()
        return message

    def take(self) -> None:
        """Take a place, or keep the one that was taken. Raises _RefusedError."""
        if self not in self._answered and len(self._answered) >= MOST_OPEN:
            self.refusal = Problem(503, "busy", "Too many requests are open. Please try again in a second.", LATER)
            raise _RefusedError
        self._answered.add(self)
