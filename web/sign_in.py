"""The pages that open without Streamlit: signing in with a second step, the first administrator, the user's password,
the intended use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic import words
from clinic.accounts import accounts, sessions
from clinic.accounts.passwords import LEAST
from fer_core.errors import FerError
from web.attempts import Attempts
from web.gate import (
    CHANGE_PASSWORD,
    COOKIE,
    COOKIE_TLS,
    FIRST_RUN,
    INTENDED_USE,
    PROVIDER,
    SECOND_STEP,
    SIGN_IN,
    is_tls,
    set_token,
    token_of,
)
from web.page import form_html, page, read_form, refuse
from web.resources import resources

NAME = ("name", "Name", "text", "username")
CURRENT = ("current", "Current password", "password", "current-password")
NEW = ("password", "New password", "password", "new-password")
AGAIN = ("again", "New password again", "password", "new-password")
CODE = ("code", "Code of your app, or a recovery code", "text", "one-time-code")

ATTEMPTS = Attempts("attempt")
"""Everything that checks a password or a code of this program waits in one queue."""
HOW_LONG = f"A password has {LEAST} characters or more; a few unrelated words work well."


async def sign_in(request: Request) -> Response:
    """Show the form, or sign in and go on to the caseload."""
    if request.method == "GET":
        return await _sign_in_page(request)
    form = await read_form(request)
    parts = resources()

    def work() -> str:
        return sessions.sign_in(parts.db, form.get("name", ""), form.get("password", ""))

    return await _signed_in(request, work, lambda said: sign_in_form(form.get("name", ""), said))


async def second_step(request: Request) -> Response:
    """Ask for the code of a pending sign-in, or take it and go on to the caseload."""
    parts = resources()
    token = _token(request)
    if not await asyncio.to_thread(sessions.is_pending, parts.db, token):
        return RedirectResponse(SIGN_IN, 303)
    if request.method == "GET":
        return page("Second step", _second_step_form(""))
    form = await read_form(request)

    def work() -> str:
        return sessions.take_second_step(parts.db, parts.settings, token, form.get("code", ""))

    return await _signed_in(request, work, _second_step_form)


async def first_run(request: Request) -> Response:
    """Show the form of the first administrator, or add that account and sign it in."""
    parts = resources()
    if await asyncio.to_thread(accounts.any_account, parts.db):
        return RedirectResponse(SIGN_IN, 303)
    if request.method == "GET":
        return page("Welcome", _first_run_form("", ""))
    form = await read_form(request)
    name = form.get("name", "")

    def work() -> str:
        _agree(form)
        accounts.add_first(parts.db, parts.first_code, form.get("code", ""), name, form.get("password", ""))
        return sessions.sign_in(parts.db, name, form.get("password", ""))

    return await _signed_in(request, work, lambda said: _first_run_form(name, said))


async def change_password(request: Request) -> Response:
    """Show the form for a new password, or change it; all other browsers of the account are then signed out."""
    actor = request.scope["actor"]
    if request.method == "GET":
        return page("Change password", _change_form(actor.must_change, ""))
    form = await read_form(request)
    parts = resources()

    def work() -> str:
        _agree(form)
        return sessions.change_password(parts.db, actor, form.get("current", ""), form.get("password", ""))

    return await _signed_in(request, work, lambda said: _change_form(actor.must_change, said))


async def intended_use(request: Request) -> Response:
    """Show the intended-use statement, or record that it was accepted and go on to the caseload."""
    actor = request.scope["actor"]
    if request.method == "GET":
        return page("Intended use", _statement(actor.must_accept, ""), wide=True)
    form = await read_form(request)
    version = form.get("version", "")
    try:
        if form.get("accepted") != "yes" or not version.isdecimal():
            raise FerError("Please tick that you have read it.", "not_ticked")
        await asyncio.to_thread(accounts.accept_statement, resources().db, actor, int(version[:9]))
    except FerError as refusal:
        return page("Intended use", _statement(True, refusal.message), 403, wide=True)
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
    if not await asyncio.to_thread(accounts.any_account, resources().db):
        return RedirectResponse(FIRST_RUN, 303)
    if request.scope.get("actor") is not None:
        return RedirectResponse("/", 303)
    if await asyncio.to_thread(sessions.is_pending, resources().db, _token(request)):
        return RedirectResponse(SECOND_STEP, 303)
    response = page("Sign in", sign_in_form("", ""))
    # A cookie that is still there belongs to a sign-in that ended.
    for name in {COOKIE, COOKIE_TLS} & set(request.cookies):
        response.delete_cookie(name, path="/", secure=name == COOKIE_TLS, httponly=True, samesite="strict")
    return response


async def _signed_in(request: Request, work: Callable[[], str], again: Callable[[str], str]) -> Response:
    """Run the attempt beside the other requests; go to the caseload with its token, or show the form again."""
    try:
        token = await ATTEMPTS.run(request, work)
    except FerError as refusal:
        return refuse(refusal, page("Sign in", again(refusal.message)))
    response = RedirectResponse("/", 303)
    set_token(response, token, is_tls(request.scope, resources().settings.behind_tls))
    return response


def _token(request: Request) -> str | None:
    return token_of(request.cookies, is_tls(request.scope, resources().settings.behind_tls))


def _agree(form: dict[str, str]) -> None:
    if form.get("password") != form.get("again"):
        raise FerError("The two new passwords differ. Please type them again.", "passwords_differ")


def sign_in_form(name: str, said: str) -> str:
    """Return the form of the sign-in, with the way to the provider where there is one."""
    password = ("password", "Password", "password", "current-password")
    html = form_html("Expression History", SIGN_IN, (NAME, password), "Sign in", said, {"name": name})
    if resources().settings.provider is not None:
        html += f'<a class="button" href="{PROVIDER}">Sign in with your organisation</a>'
    return html + f'<p class="small">{escape(words.DISCLAIMER)}</p>'


def _second_step_form(said: str) -> str:
    lead = "Your password is correct. Now type the code that your app shows for this program."
    return form_html("Second step", SECOND_STEP, (CODE,), "Go on", said, {}, lead)


def _first_run_form(name: str, said: str) -> str:
    code = ("code", "Code that the program printed when it started", "text", "off")
    lead = f"There is no account yet: make the first administrator's. {HOW_LONG}"
    return form_html("Welcome", FIRST_RUN, (code, NAME, NEW, AGAIN), "Begin", said, {"name": name}, lead)


def _change_form(must_change: bool, said: str) -> str:
    lead = "Someone else has seen this password. Please choose your own. " if must_change else ""
    lead += f"{HOW_LONG} You are then signed out on all other computers."
    html = form_html("Change password", CHANGE_PASSWORD, (CURRENT, NEW, AGAIN), "Change password", said, {}, lead)
    return html if must_change else html + '<p class="small"><a href="/">Back without changing it</a></p>'


def _statement(must_accept: bool, said: str) -> str:
    points = "".join(f"<li>{escape(point)}</li>" for point in words.STATEMENT)
    shown = f'<p class="said" role="alert">{escape(said)}</p>' if said else ""
    text = f"<h1>Intended use</h1>{shown}<p>{escape(words.INTENDED_USE)}</p><ul>{points}</ul>"
    if not must_accept:
        return text + '<p class="small">You have accepted this. <a href="/">Back</a></p>'
    return (
        f'{text}<form method="post" action="{INTENDED_USE}">'
        f'<input type="hidden" name="version" value="{words.STATEMENT_VERSION}">'
        '<label class="tick"><input type="checkbox" name="accepted" value="yes" required>'
        "I have read this, and will use the program like this.</label>"
        '<button type="submit">Accept and go on</button></form>'
    )
