"""Signing in at another provider: on the way there, and back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic.accounts import identities, oidc
from clinic.accounts.throttle import TooManyError
from clinic.settings import Provider
from fer_core.errors import FerError
from web.attempts import Attempts
from web.headers import is_tls, set_token
from web.page import page, refuse
from web.paths import PROVIDER, PROVIDER_BACK, SIGN_IN
from web.resources import resources
from web.sign_in import sign_in_page

_WAITING = Attempts("provider", at_once=4)
"""Separate threads, so that a provider that doesn't answer delays nobody who signs in with a password."""
COOKIE, COOKIE_TLS = "departed", "__Host-departed"


async def depart(request: Request) -> Response:
    """Send the browser to the provider, with a cookie that it has to bring back."""
    parts = resources()
    provider = parts.settings.provider
    if provider is None:
        return RedirectResponse(SIGN_IN, 303)
    try:
        departure = await _WAITING.run(request, lambda: oidc.depart(parts.db, provider, _back(request)), proves=False)
    except TooManyError as refusal:
        return refuse(refusal, sign_in_page(said=refusal.message))
    except FerError as refusal:
        return sign_in_page(said=refusal.message, status=503)
    response = RedirectResponse(departure.url, 303)
    # Lax and not strict: the browser comes back by a link of another site.
    response.set_cookie(
        _cookie(request),
        departure.state,
        max_age=int(oidc.AWAY.total_seconds()),
        path="/",
        secure=_tls(request),
        httponly=True,
        samesite="lax",
    )
    return response


async def arrive(request: Request) -> Response:
    """Receive the user from the provider, and sign the linked account in."""
    provider = resources().settings.provider
    if provider is None:
        return RedirectResponse(SIGN_IN, 303)
    try:
        token = await _WAITING.run(request, lambda: _sign_in(request, provider))
    except FerError as refusal:
        response: Response = refuse(refusal, sign_in_page(said=refusal.message))
    else:
        # A page and no redirect: on a navigation from another site, the browser would not send the strict cookie.
        response = page("signed_in")
        set_token(response, token, _tls(request))
    response.delete_cookie(_cookie(request), path="/", secure=_tls(request), httponly=True, samesite="lax")
    return response


ROUTES = [
    Route(PROVIDER, depart, methods=["GET"]),
    Route(PROVIDER_BACK, arrive, methods=["GET"]),
]


def _sign_in(request: Request, provider: Provider) -> str:
    db, asked = resources().db, request.query_params
    held = request.cookies.get(_cookie(request), "")
    state, code = asked.get("state", ""), asked.get("code", "")
    identity = oidc.arrive(db, provider, _back(request), state, held, code, asked.get("iss"))
    return identities.sign_in(db, identity)


def _back(request: Request) -> str:
    """Return the redirect address; the provider accepts only one that was registered with it."""
    return f"{'https' if _tls(request) else 'http'}://{request.headers.get('host', '')}{PROVIDER_BACK}"


def _tls(request: Request) -> bool:
    return is_tls(request.scope, resources().settings.behind_tls)


def _cookie(request: Request) -> str:
    return COOKIE_TLS if _tls(request) else COOKIE
