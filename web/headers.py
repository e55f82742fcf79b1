"""Headers of requests and answers: the sign-in's cookie, whose page sent a request, and what every answer carries."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Scope, Send

from web.paths import PROGRAM_FILES

COOKIE, COOKIE_TLS = "sign_in", "__Host-sign_in"


def is_tls(scope: Scope, declared: bool) -> bool:
    """Return whether the browser speaks TLS, to this program or to the proxy that was declared."""
    return declared or scope.get("scheme") in ("https", "wss")


def token_of(cookies: Mapping[str, str], tls: bool) -> str | None:
    """Return the sign-in's token; over TLS only from the cookie that no other host and no plain page can set."""
    return cookies.get(COOKIE_TLS if tls else COOKIE)


def set_token(response: Response, token: str, tls: bool) -> None:
    """Give the browser the token: only for this site, out of reach of scripts, deleted when the browser closes."""
    response.set_cookie(COOKIE_TLS if tls else COOKIE, token, path="/", secure=tls, httponly=True, samesite="strict")


def same_site(headers: Headers) -> bool:
    """Return whether a page of this site sent the request; a program that is no browser sends no such header."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _secured(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a header; a cookie that doesn't say that it is for TLS alone, as Streamlit's own, says so."""
    if name.lower() == b"set-cookie" and b"secure" not in [part.strip().lower() for part in value.split(b";")]:
        return name, value + b"; Secure"
    return name, value


def with_headers(send: Send, scope: Scope, policy: str, declared_tls: bool) -> Send:
    """Return a `send` that adds the headers of every answer."""
    tls = is_tls(scope, declared_tls)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            # With "no-referrer" a browser hides the origin from our own forms too.
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["X-Frame-Options"] = "DENY"
            headers.setdefault("Content-Security-Policy", policy)
            if not (scope["path"].startswith(PROGRAM_FILES) and message["status"] == 200):
                headers["Cache-Control"] = "no-store"
            if tls:
                headers["Strict-Transport-Security"] = "max-age=31536000"
                message["headers"] = [_secured(*header) for header in message["headers"]]
        await send(message)

    return sending
