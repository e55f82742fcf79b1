"""The pages that open without Streamlit: signing in with a second step, the first administrator, the user's password,
the intended use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic import words
from clinic.accounts import accounts, first_administrator, sessions
from clinic.accounts.passwords import LEAST
from fer_core.errors import FerError
from web.attempts import Attempts
from web.headers import COOKIE, COOKIE_TLS, is_tls, set_token, token_of
from web.page import page, read_form, refuse
from web.paths import CHANGE_PASSWORD, FIRST_RUN, INTENDED_USE, SECOND_STEP, SIGN_IN
from web.resources import resources
from web.threads import to_write

ATTEMPTS = Attempts("attempt")
"""Everything that checks a password or a code of this program waits in one queue."""
HOW_LONG = f"A password has {LEAST} characters or more; a few unrelated words work well."


async def sign_in(request: Request) -> Response:
    """Show the form, or sign in and go on to the caseload."""
    if request.method != "POST":
        return await _sign_in_page(request)
    form = await read_form(request)
    parts = resources()

    def work() -> str:
        return sessions.sign_in(parts.db, form.get("name", ""), form.get("password", ""))

    return await _signed_in(request, work, lambda said: sign_in_page(form.get("name", ""), said))


async def second_step(request: Request) -> Response:
    """Ask for the code of a pending sign-in, or take it and go on to the caseload."""
    parts = resources()
    token = _token(request)
    if not await asyncio.to_thread(sessions.is_pending, parts.db, token):
        return RedirectResponse(SIGN_IN, 303)
    if request.method != "POST":
        return page("second_step", said="")
    form = await read_form(request)

    def work() -> str:
        return sessions.take_second_step(parts.db, parts.settings, token, form.get("code", ""))

    return await _signed_in(request, work, lambda said: page("second_step", said=said))


async def first_run(request: Request) -> Response:
    """Show the form of the first administrator, or add that account and sign it in."""
    parts = resources()
    if await asyncio.to_thread(first_administrator.any_account, parts.db):
        return RedirectResponse(SIGN_IN, 303)
    if request.method != "POST":
        return page("first_run", name="", said="", how_long=HOW_LONG)
    form = await read_form(request)
    name = form.get("name", "")

    def work() -> str:
        _agree(form)
        first_administrator.add(parts.db, parts.first_code, form.get("code", ""), name, form.get("password", ""))
        return sessions.sign_in(parts.db, name, form.get("password", ""))

    return await _signed_in(request, work, lambda said: page("first_run", name=name, said=said, how_long=HOW_LONG))


async def change_password(request: Request) -> Response:
    """Show the form for a new password, or change it; all other browsers of the account are then signed out."""
    actor = request.scope["actor"]
    if request.method != "POST":
        return _change_page(actor.must_change)
    form = await read_form(request)
    parts = resources()

    def work() -> str:
        _agree(form)
        return sessions.change_password(parts.db, actor, form.get("current", ""), form.get("password", ""))

    return await _signed_in(request, work, lambda said: _change_page(actor.must_change, said))


async def intended_use(request: Request) -> Response:
    """Show the intended-use statement, or record that it was accepted and go on to the caseload."""
    actor = request.scope["actor"]
    if request.method != "POST":
        return page("intended_use", words=words, must_accept=actor.must_accept, said="")
    form = await read_form(request)
    version = form.get("version", "")
    try:
        if form.get("accepted") != "yes" or not version.isdecimal():
            raise FerError("Please tick that you have read it.", "not_ticked")
        await to_write(accounts.accept_statement, resources().db, actor, int(version[:9]))
    except FerError as refusal:
        return page("intended_use", 403, words=words, must_accept=True, said=refusal.message)
    return RedirectResponse("/", 303)


ROUTES = [
    Route(path, endpoint, methods=["GET", "POST"])
    for path, endpoint in (
        (SIGN_IN, sign_in),
        (SECOND_STEP, second_step),
        (FIRST_RUN, first_run),
        (CHANGE_PASSWORD, change_password),
        (INTENDED_USE, intended_use),
    )
]


async def _sign_in_page(request: Request) -> Response:
    if not await asyncio.to_thread(first_administrator.any_account, resources().db):
        return RedirectResponse(FIRST_RUN, 303)
    if request.scope.get("actor") is not None:
        return RedirectResponse("/", 303)
    if await asyncio.to_thread(sessions.is_pending, resources().db, _token(request)):
        return RedirectResponse(SECOND_STEP, 303)
    response = sign_in_page()
    # A cookie that is still there belongs to a sign-in that ended.
    for name in {COOKIE, COOKIE_TLS} & set(request.cookies):
        response.delete_cookie(name, path="/", secure=name == COOKIE_TLS, httponly=True, samesite="strict")
    return response


async def _signed_in(request: Request, work: Callable[[], str], again: Callable[[str], Response]) -> Response:
    """Run the attempt beside the other requests; go to the caseload with its token, or show the form again."""
    try:
        token = await ATTEMPTS.run(request, work)
    except FerError as refusal:
        return refuse(refusal, again(refusal.message))
    response = RedirectResponse("/", 303)
    set_token(response, token, is_tls(request.scope, resources().settings.behind_tls))
    return response


def _token(request: Request) -> str | None:
    return token_of(request.cookies, is_tls(request.scope, resources().settings.behind_tls))


def _agree(form: dict[str, str]) -> None:
    if form.get("password") != form.get("again"):
        raise FerError("The two new passwords differ. Please type them again.", "passwords_differ")


def sign_in_page(name: str = "", said: str = "", status: int = 200) -> Response:
    """Return the form of the sign-in, with the way to the provider where there is one."""
    provider = resources().settings.provider is not None
    return page("sign_in", status, name=name, said=said, provider=provider, disclaimer=words.DISCLAIMER)


def _change_page(must_change: bool, said: str = "") -> Response:
    return page("change_password", must_change=must_change, how_long=HOW_LONG, said=said)
