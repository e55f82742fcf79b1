"""The gate before everything: without a valid sign-in only the sign-in pages and a bare ``ok`` answer.

An ASGI middleware for HTTP and websockets. It knows nothing about what lies behind: what counts as a user's
action, and how a page is sent away, are passed in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clinic.access import Actor, Role
from clinic.accounts import sessions, tokens
from db.engine import Database
from web import shares
from web.api.problems import Problem, no_token
from web.hosts import answers_to

SIGN_IN, FIRST_RUN, CHANGE_PASSWORD = "/sign-in", "/first-run", "/change-password"
SECOND_STEP, YOUR_ACCOUNT = "/second-step", "/your-account"
TOKENS = "/your-tokens"
INTENDED_USE = "/intended-use"
HAND_OVER, PATIENT_MODE = "/hand-over", "/questionnaire"
PROVIDER, PROVIDER_BACK = "/provider", "/provider/back"
SIGN_IN_PAGES = frozenset({SIGN_IN, FIRST_RUN, SECOND_STEP, PROVIDER, PROVIDER_BACK, PATIENT_MODE})
"""Paths open to everyone, in addition to `HEALTH`; the last one asks for its own token (web/patient_mode.py)."""
BESIDE = {YOUR_ACCOUNT: CHANGE_PASSWORD}
"""What else opens while a page requires something to be done first."""
HEALTH = "/_stcore/health"
API = "/api/v1"
"""Paths for programs with a token; a cookie is not accepted there, and a token nowhere else."""
HEALTHZ, MONITORED = "/healthz", "/metrics"
"""Paths for programs that don't sign in: these routes check the caller themselves (web/monitoring.py)."""
SHUT = ("/_stcore/upload_file/", "/media/", "/component/", "/_stcore/agent/", "/auth/", "/oauth2callback")
"""What answers nobody: Streamlit's own uploads, which would lie in clear while they come in; its media, which know no
person; its agents' interface; a sign-in that isn't ours."""
CAMERA = "/camera"
"""The line of a live view (web/live.py): what comes over it is pictures, and no act of a person."""
UPLOADS = ("/uploads/", "/downloads/", HAND_OVER, CAMERA)
METRICS = "/_stcore/metrics"
"""Paths only for users who may change things, and for administrators."""
PROGRAM_FILES = "/static/"
"""Scripts and fonts, the same for everyone and named by their content: they alone may be kept by the browser."""

COOKIE, COOKIE_TLS = "sign_in", "__Host-sign_in"
WATCHED_EVERY_S = 1.0
"""An open websocket is closed so soon after its sign-in ended."""
POLICY_VIOLATION, TOO_LARGE = 1008, 1009
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
    answers to a path, and `is_too_much` whether a websocket message is larger than any of the pages'.
    """

    open_db: Callable[[], Database]
    is_user_action: Callable[[bytes], bool]
    sign_out_message: bytes
    policy: str
    tls: bool = False
    need_second_step: bool = False
    hosts: tuple[str, ...] = ()
    is_known: Callable[[str], bool] = lambda _path: True
    is_too_much: Callable[[bytes], bool] = lambda _message: False


class Gate:
    """The middleware; what passes carries its `Actor` as ``scope["actor"]``."""

    def __init__(self, app: ASGIApp, behind: Behind) -> None:
        self._app, self._behind = app, behind
        self._windows, self._requests, self.pace = shares.Open(), shares.Open(), shares.Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let pass, one request or websocket."""
        if scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send, scope, self._behind))
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
        if scope["method"] in CHANGING and not _same_site(headers):
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
        if scope["path"] == API:
            # A mount answers only below its path; this one would fall through to the pages.
            return Problem(404, "unknown_path", "The API has no such operation.")
        if self._first(actor) is not None:
            return Problem(
                403, "account_not_ready", "The token's account has to sign in and complete the steps shown there."
            )
        return None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        actor = await self._actor(scope)
        headers = Headers(scope=scope)
        ours = answers_to(headers.get("host"), self._behind.hosts) and _same_site(headers)
        if actor is None or self._first(actor) or not ours or refused(scope["path"], actor.role) is not None:
            await _turn_away(receive, send)
            return
        scope["actor"] = actor
        with self._windows.one_more(actor.account_id, shares.MOST_WINDOWS) as passes:
            if passes:
                await self._let_through(_Line(self, scope, receive, send), scope)
                return
            log.warning("an account has %d windows open: another one was refused", shares.MOST_WINDOWS)
            await _turn_away(receive, send)

    async def _let_through(self, line: _Line, scope: Scope) -> None:
        watcher = asyncio.create_task(line.watch())
        try:
            await self._app(scope, line.receive, line.send)
        finally:
            # Not between the last message and the close.
            async with line.cutting:
                watcher.cancel()

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


class _Line:
    """An open websocket: each message is checked, and the line is cut when the sign-in ends."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self._gate, self._scope, self._receive, self._send = gate, scope, receive, send
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
                lives = await self._gate._actor(self._scope) is not None
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
        content = message.get("bytes") or (message.get("text") or "").encode()
        if self._gate._behind.is_too_much(content):
            log.warning("a window was closed: its message was larger than any of the pages'")
            return TOO_LARGE
        await self._gate.pace.wait(self._scope["actor"].account_id, len(content))
        return None if await self._lives(content) else POLICY_VIOLATION

    async def _lives(self, message: bytes) -> bool:
        actor = await self._gate._actor(self._scope)
        self._messages += 1
        # The first message is sent by the page itself, also when it only comes back after the network was gone.
        if actor is not None and self._messages > 1 and self._gate._behind.is_user_action(message):
            await self._gate._note(actor)
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
                    await self._send({"type": "websocket.send", "bytes": self._gate._behind.sign_out_message})
                await self._send({"type": "websocket.close", "code": code})


async def _turn_away(receive: Receive, send: Send) -> None:
    """Refuse a websocket before it is accepted: the upgrade is answered with 403."""
    await receive()
    await send({"type": "websocket.close", "code": POLICY_VIOLATION})


def refused(path: str, role: Role) -> int | None:
    """Return the HTTP status with which this path is refused to this role, None where it passes."""
    if path.startswith(SHUT):
        return 404
    if path.startswith(UPLOADS) and role is Role.VIEWER:
        return 403
    if path.startswith(METRICS) and role is not Role.ADMINISTRATOR:
        return 403
    return None


def is_tls(scope: Scope, declared: bool) -> bool:
    """Return whether the browser speaks TLS, to this program or to the proxy that was declared."""
    return declared or scope.get("scheme") in ("https", "wss")


def token_of(cookies: Mapping[str, str], tls: bool) -> str | None:
    """Return the sign-in's token; over TLS only from the cookie that no other host and no plain page can set."""
    return cookies.get(COOKIE_TLS if tls else COOKIE)


def set_token(response: Response, token: str, tls: bool) -> None:
    """Give the browser the token: only for this site, out of reach of scripts, deleted when the browser closes."""
    response.set_cookie(COOKIE_TLS if tls else COOKIE, token, path="/", secure=tls, httponly=True, samesite="strict")


def _same_site(headers: Headers) -> bool:
    """Return whether a page of this site sent the request; a program that is no browser sends no such header."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _elsewhere(scope: Scope, headers: Headers, path: str, status: int) -> Response:
    """Send a user to another page, and refuse a program's request."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        return RedirectResponse(path, 303)
    return PlainTextResponse("Please sign in.", status)


def _secured(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a header; a cookie that doesn't say that it is for TLS alone, as Streamlit's own, says so."""
    if name.lower() == b"set-cookie" and b"secure" not in [part.strip().lower() for part in value.split(b";")]:
        return name, value + b"; Secure"
    return name, value


def _with_headers(send: Send, scope: Scope, behind: Behind) -> Send:
    """Return a `send` that adds the headers of every answer."""
    tls = is_tls(scope, behind.tls)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            # With "no-referrer" a browser hides the origin from our own forms too.
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["X-Frame-Options"] = "DENY"
            headers.setdefault("Content-Security-Policy", behind.policy)
            if not (scope["path"].startswith(PROGRAM_FILES) and message["status"] == 200):
                headers["Cache-Control"] = "no-store"
            if tls:
                headers["Strict-Transport-Security"] = "max-age=31536000"
                message["headers"] = [_secured(*header) for header in message["headers"]]
        await send(message)

    return sending
