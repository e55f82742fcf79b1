"""The gate before everything: without a valid sign-in only the sign-in pages and a bare ``ok`` answer.

An ASGI middleware for HTTP and websockets. It knows nothing about what lies behind: what counts as a user's
action, and how a page is sent away, are passed in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from clinic.access import Actor
from clinic.accounts import sessions, tokens
from db.engine import Database
from web import shares
from web.api.problems import Problem, no_token
from web.headers import is_tls, same_site, token_of, with_headers
from web.hosts import answers_to
from web.paths import (
    API,
    BESIDE,
    CHANGE_PASSWORD,
    HEALTH,
    HEALTHZ,
    INTENDED_USE,
    MONITORED,
    PROGRAM_FILES,
    SIGN_IN,
    SIGN_IN_PAGES,
    YOUR_ACCOUNT,
    refused,
)
from web.window import Rules, Window, turn_away

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_NOTES, _ASKING = ThreadPoolExecutor(2, "notes"), ThreadPoolExecutor(4, "gate")
"""Threads of the gate's own: where the database's lock or a disk is waited for, who somebody is can still be asked."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Behind:
    """What the gate needs to know of what lies behind it.

    `open_db` gives the database. `is_user_action`: whether a websocket message comes from a person and not from a
    timer. `sign_out_message`: the last one to a websocket whose sign-in ended. `policy` is the Content-Security-Policy
    of the pages. `tls` says that a proxy in front speaks TLS. `need_second_step`: nothing opens without one.
    `hosts`: the names that are answered to, empty for any (web/hosts.py). `is_known` says whether anything
    answers to a path, and `refusal` gives the code with which a websocket ends at a message that no page sends.
    """

    open_db: Callable[[], Database]
    is_user_action: Callable[[bytes], bool]
    sign_out_message: bytes
    policy: str
    tls: bool = False
    need_second_step: bool = False
    hosts: tuple[str, ...] = ()
    is_known: Callable[[str], bool] = lambda _path: True
    refusal: Callable[[bytes], int | None] = lambda _message: None


class Gate:
    """The middleware; what passes carries its `Actor` as ``scope["actor"]``."""

    def __init__(self, app: ASGIApp, behind: Behind) -> None:
        self._app, self._behind = app, behind
        self._windows, self._requests, self._pace = shares.Open(), shares.Open(), shares.Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let pass, one request or websocket."""
        if scope["type"] == "http":
            await self._http(scope, receive, with_headers(send, scope, self._behind.policy, self._behind.tls))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope)
        actor, path = scope.get("actor"), scope["path"]
        if answer is not None or actor is None or path.startswith((PROGRAM_FILES, f"{API}/")):
            await (answer or self._app)(scope, receive, send)
            return
        with self._requests.one_more(actor.account_id, shares.MOST_REQUESTS) as passes:
            busy = PlainTextResponse("Too many requests of your account are open.", 429)
            await (self._app if passes else busy)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        """Return the gate's own answer to a request, or None for one that passes."""
        path, headers = scope["path"], Headers(scope=scope)
        if path in (HEALTHZ, MONITORED):
            scope["actor"] = None
            return None
        if not answers_to(headers.get("host"), self._behind.hosts):
            return PlainTextResponse("This program is not known under that name.", 421)
        if scope["method"] in CHANGING and not same_site(headers):
            return PlainTextResponse("This request came from another site.", 403)
        if path == API or path.startswith(f"{API}/"):
            return await self._api(scope, headers)
        actor = scope["actor"] = await self._actor(scope)
        # Streamlit answers a signed-in user: from it the page gets the token that it needs to upload.
        if path == HEALTH and (actor is None or self._first(actor)):
            return PlainTextResponse("ok")
        if path in SIGN_IN_PAGES:
            return None
        if actor is None:
            return _elsewhere(scope, headers, SIGN_IN, 401)
        first = self._first(actor)
        if first is not None and path not in (first, BESIDE.get(first)):
            return _elsewhere(scope, headers, first, 403)
        if not self._behind.is_known(path):
            return PlainTextResponse("There is nothing here.", 404)
        status = refused(path, actor.role)
        if status is not None:
            return PlainTextResponse("You have no access to this page.", status)
        if scope["method"] in CHANGING or headers.get("sec-fetch-mode") == "navigate":
            await self._note(actor)
        return None

    async def _api(self, scope: Scope, headers: Headers) -> Response | None:
        """Return why a program is refused, None for one with a valid token."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        actor = scope["actor"] = (
            await self._ask(lambda: tokens.actor_of(self._behind.open_db(), token.strip()))
            if kind.lower() == "bearer"
            else None
        )
        if actor is None:
            return no_token()
        if scope["path"] == API or "\n" in scope["path"]:
            # A mount answers only below its path, and to none with a line break: these would fall through to the pages.
            return Problem(404, "unknown_path", "The API has no such operation.")
        if self._first(actor) is not None:
            return Problem(
                403, "account_not_ready", "The token's account has to sign in and complete the steps shown there."
            )
        return None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        actor = await self._actor(scope)
        headers = Headers(scope=scope)
        ours = answers_to(headers.get("host"), self._behind.hosts) and same_site(headers)
        if actor is None or self._first(actor) or not ours or refused(scope["path"], actor.role) is not None:
            await turn_away(receive, send)
            return
        scope["actor"] = actor
        with self._windows.one_more(actor.account_id, shares.MOST_WINDOWS) as passes:
            if passes:
                await self._let_through(Window(scope, receive, send, self._rules(scope)), scope)
                return
            log.warning("an account has %d windows open: another one was refused", shares.MOST_WINDOWS)
            await turn_away(receive, send)

    async def _let_through(self, window: Window, scope: Scope) -> None:
        watcher = asyncio.create_task(window.watch())
        try:
            await self._app(scope, window.receive, window.send)
        finally:
            # Not between the last message and the close.
            async with window.cutting:
                watcher.cancel()

    def _rules(self, scope: Scope) -> Rules:
        behind = self._behind
        return Rules(
            lambda: self._actor(scope),
            self._note,
            self._pace.wait,
            behind.is_user_action,
            behind.refusal,
            behind.sign_out_message,
        )

    def _first(self, actor: Actor) -> str | None:
        """Return the page on which this user has to do something before anything else opens."""
        if actor.must_change:
            return CHANGE_PASSWORD
        if actor.must_accept:
            return INTENDED_USE
        return YOUR_ACCOUNT if self._behind.need_second_step and not actor.second_step else None

    async def _actor(self, scope: Scope) -> Actor | None:
        token = token_of(HTTPConnection(scope).cookies, is_tls(scope, self._behind.tls))
        if token is None:
            return None
        return await self._ask(lambda: sessions.actor_of(self._behind.open_db(), token))

    async def _ask(self, work: Callable[[], Actor | None]) -> Actor | None:
        return await asyncio.get_running_loop().run_in_executor(_ASKING, work)

    async def _note(self, actor: Actor) -> None:
        # In separate threads: if the disk is slow it waits, and other requests don't wait behind it.
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(_NOTES, lambda: sessions.note_activity(self._behind.open_db(), actor))


def _elsewhere(scope: Scope, headers: Headers, path: str, status: int) -> Response:
    """Send a user to another page, and refuse a program's request."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        return RedirectResponse(path, 303)
    return PlainTextResponse("Please sign in.", status)
