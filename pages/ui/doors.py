"""The pages that open without Streamlit: signing in, the first administrator, one's own password, the intended use."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from clinic import accounts, sign_ins, words
from clinic.gate import CHANGE_PASSWORD, COOKIE, COOKIE_TLS, FIRST_RUN, INTENDED_USE, SIGN_IN, is_tls, set_token
from clinic.passwords import LEAST
from fer_core.errors import FerError
from pages.ui.resources import resources

FORM_BYTES = 16 * 1024
"""The largest form that is read."""

STYLE = """
:root { color-scheme: light dark; --ink: #1e2a32; --paper: #f2f6f7; --card: #fff; --line: #d5dee2; --key: #1f6f78;
  --on-key: #fff; --calm: #e6f0f1 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaed; --paper: #12181c; --card: #1c262c; --line: #33424a;
  --key: #4fa3ac; --on-key: #0c1214; --calm: #223039 } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
main { box-sizing: border-box; width: min(26rem, calc(100vw - 2rem)); margin: 1rem; padding: 2rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem }
main.wide { width: min(44rem, calc(100vw - 2rem)) }
h1 { margin: 0 0 0.25rem; font-size: 1.45rem; font-weight: 650 }
label { display: block; margin-top: 1rem; font-size: 0.9rem }
input { box-sizing: border-box; width: 100%; margin-top: 0.25rem; padding: 0.6rem 0.75rem; font: inherit;
  color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 0.5rem }
input:focus-visible, button:focus-visible { outline: 2px solid var(--key); outline-offset: 1px }
button { width: 100%; margin-top: 1.5rem; padding: 0.65rem; font: inherit; font-weight: 600; color: var(--on-key);
  background: var(--key); border: 0; border-radius: 0.5rem; cursor: pointer }
p { margin: 0.75rem 0 0 }
.said { padding: 0.75rem; background: var(--calm); border-radius: 0.5rem }
.small { font-size: 0.85rem; opacity: 0.8 }
ul { margin: 0.75rem 0 0; padding-left: 1.2rem }
li { margin-top: 0.5rem }
.tick { display: flex; gap: 0.6rem; align-items: baseline }
.tick input { width: auto; margin: 0 }
a { color: var(--key) }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_ATTEMPTS = ThreadPoolExecutor(2, "attempt")
"""Threads of their own, so that a flood of attempts keeps nobody waiting who is signed in."""

NAME = ("name", "Name", "text", "username")
CURRENT = ("current", "Current password", "password", "current-password")
NEW = ("password", "New password", "password", "new-password")
AGAIN = ("again", "New password again", "password", "new-password")
Field = tuple[str, str, str, str]
"""A field's name, what is written above it, its type, and what the browser may fill in."""

HOW_LONG = f"A password has {LEAST} characters or more; a few words that don't belong together do well."


async def sign_in(request: Request) -> Response:
    """Show the form, or sign in and go on to the caseload."""
    if request.method == "GET":
        return await _sign_in_page(request)
    form = await _form(request)
    parts = resources()

    def attempt() -> str:
        return sign_ins.sign_in(parts.db, form.get("name", ""), form.get("password", ""))

    return await _signed_in(request, attempt, lambda said: _sign_in_form(form.get("name", ""), said))


async def first_run(request: Request) -> Response:
    """Show the form of the first administrator, or add that account and sign it in."""
    parts = resources()
    if await asyncio.to_thread(accounts.any_account, parts.db):
        return RedirectResponse(SIGN_IN, 303)
    if request.method == "GET":
        return _page("Welcome", _first_run_form("", ""))
    form = await _form(request)
    name = form.get("name", "")

    def attempt() -> str:
        _agree(form)
        accounts.add_first(parts.db, parts.first_code, form.get("code", ""), name, form.get("password", ""))
        return sign_ins.sign_in(parts.db, name, form.get("password", ""))

    return await _signed_in(request, attempt, lambda said: _first_run_form(name, said))


async def change_password(request: Request) -> Response:
    """Show the form of one's own password, or change it; all other browsers of the account are then signed out."""
    actor = request.scope["actor"]
    if request.method == "GET":
        return _page("Change password", _change_form(actor.must_change, ""))
    form = await _form(request)
    parts = resources()

    def attempt() -> str:
        _agree(form)
        return sign_ins.change_password(parts.db, actor, form.get("current", ""), form.get("password", ""))

    return await _signed_in(request, attempt, lambda said: _change_form(actor.must_change, said))


async def intended_use(request: Request) -> Response:
    """Show the intended-use statement, or take down that it was accepted and go on to the caseload."""
    actor = request.scope["actor"]
    if request.method == "GET":
        return _page("Intended use", _statement(actor.must_accept, ""), wide=True)
    form = await _form(request)
    version = form.get("version", "")
    try:
        if form.get("accepted") != "yes" or not version.isdecimal():
            raise FerError("Please tick that you have read it.", "not_ticked")
        await asyncio.to_thread(accounts.accept_statement, resources().db, actor, int(version[:9]))
    except FerError as refusal:
        return _page("Intended use", _statement(True, refusal.message), 403, wide=True)
    return RedirectResponse("/", 303)


ROUTES = [
    Route(path, endpoint, methods=["GET", "POST"])
    for path, endpoint in (
        (SIGN_IN, sign_in),
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
    response = _page("Sign in", _sign_in_form("", ""))
    # A cookie that is there nevertheless belongs to a sign-in that ended.
    for name in {COOKIE, COOKIE_TLS} & set(request.cookies):
        response.delete_cookie(name, path="/", secure=name == COOKIE_TLS, httponly=True, samesite="strict")
    return response


async def _signed_in(request: Request, attempt: Callable[[], str], again: Callable[[str], str]) -> Response:
    """Run the attempt beside the other requests; go to the caseload with its token, or show the form again."""
    try:
        token = await asyncio.get_running_loop().run_in_executor(_ATTEMPTS, attempt)
    except FerError as refusal:
        return _page("Sign in", again(refusal.message), 429 if refusal.code == "sign_in_delayed" else 403)
    response = RedirectResponse("/", 303)
    set_token(response, token, is_tls(request.scope, resources().settings.behind_tls))
    return response


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a posted form; one that is larger than `FORM_BYTES` is taken for an empty one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def _agree(form: dict[str, str]) -> None:
    if form.get("password") != form.get("again"):
        raise FerError("The two new passwords differ. Please type them again.", "passwords_differ")


def _page(title: str, body: str, status: int = 200, wide: bool = False) -> HTMLResponse:
    main = '<main class="wide">' if wide else "<main>"
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} - Expression History</title><style>{STYLE}</style></head>"
        f"<body>{main}{body}</main></body></html>"
    )
    return HTMLResponse(page, status, {"Content-Security-Policy": POLICY})


def _sign_in_form(name: str, said: str) -> str:
    password = ("password", "Password", "password", "current-password")
    small = f'<p class="small">{escape(words.DISCLAIMER)}</p>'
    return _form_html("Expression History", SIGN_IN, (NAME, password), "Sign in", said, {"name": name}) + small


def _first_run_form(name: str, said: str) -> str:
    code = ("code", "Code that the program printed when it started", "text", "off")
    lead = f"There is no account yet: make the first administrator's. {HOW_LONG}"
    return _form_html("Welcome", FIRST_RUN, (code, NAME, NEW, AGAIN), "Begin", said, {"name": name}, lead)


def _change_form(must_change: bool, said: str) -> str:
    lead = "Someone else has seen your password: please choose your own. " if must_change else ""
    lead += f"{HOW_LONG} You are then signed out on all other computers."
    html = _form_html("Change password", CHANGE_PASSWORD, (CURRENT, NEW, AGAIN), "Change password", said, {}, lead)
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


def _form_html(
    title: str, action: str, fields: tuple[Field, ...], button: str, said: str, filled: dict[str, str], lead: str = ""
) -> str:
    inputs = "".join(
        f'<label>{label}<input name="{name}" type="{kind}" autocomplete="{fill}" required'
        f' value="{escape(filled.get(name, ""))}"{" autofocus" if number == 0 else ""}></label>'
        for number, (name, label, kind, fill) in enumerate(fields)
    )
    shown = f'<p class="said" role="alert">{escape(said)}</p>' if said else ""
    intro = f"<p>{escape(lead)}</p>" if lead else ""
    return (
        f'<h1>{title}</h1>{intro}{shown}<form method="post" action="{action}">{inputs}'
        f'<button type="submit">{button}</button></form>'
    )
