"""Tokens for programs; their owner makes and revokes them outside Streamlit, so that none passes through a page."""

from __future__ import annotations

import asyncio
from datetime import UTC, tzinfo
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic.access import Actor
from clinic.accounts import tokens
from clinic.accounts.tokens import TokenRow
from clinic.admin import zones
from clinic.patients import caseload
from clinic.phrases import day
from fer_core.errors import FerError
from web.gate import API, TOKENS, YOUR_ACCOUNT
from web.page import notice, page, read_form, refuse
from web.resources import resources
from web.sign_in import ATTEMPTS

ABOUT = (
    "A token lets a program read what you may see: the results of the patients that you choose, or faces in pictures"
    " of nobody in particular. Treat it as a password. It ends after a year, and when your password changes."
)
PATIENT = "patient_"
"""What the name of a patient's box begins with; the rest is the id."""


async def your_tokens(request: Request) -> Response:
    """Show the own tokens, or make or revoke one."""
    actor = request.scope["actor"]
    if request.method == "GET":
        return await asyncio.to_thread(_show, actor, "")
    form = await read_form(request)
    if form.get("action") == "revoke":
        await asyncio.to_thread(tokens.revoke, resources().db, actor, form.get("token", ""))
        return RedirectResponse(TOKENS, 303)
    try:
        token = await ATTEMPTS.run(request, lambda: _make(actor, form))
    except FerError as refusal:
        return refuse(refusal, await asyncio.to_thread(_show, actor, refusal.message))
    return page("Token", _made(token))


ROUTES = [Route(TOKENS, your_tokens, methods=["GET", "POST"])]


def _make(actor: Actor, form: dict[str, str]) -> str:
    chosen = [name.removeprefix(PATIENT) for name in form if name.startswith(PATIENT)]
    if not chosen and "nobody" not in form:
        raise FerError("Please choose the patients for the token, or “no patient”.", "no_choice")
    if chosen and "nobody" in form:
        raise FerError("Please choose either patients or “no patient”.", "no_choice")
    return tokens.make(resources().db, actor, form.get("name", ""), chosen, form.get("current", ""))


def _show(actor: Actor, said: str) -> Response:
    db = resources().db
    known = zones.chosen(db)
    zone = known.zone if known is not None else UTC
    listed = "".join(_listed(token, zone) for token in tokens.listed(db, actor))
    boxes = "".join(
        _box(f"{PATIENT}{one.id}", f"{one.name} {one.code}".strip()) for one in caseload.list_patients(db, actor)
    )
    return page(
        "Tokens for programs",
        f"<h1>Tokens for programs</h1>{notice(said)}<p>{ABOUT}</p><p>What a program can ask for is described on"
        f" <a href='/api-description'>the page of the API</a>.</p>{listed or '<p>There is none.</p>'}"
        f'<h2>Make a token</h2><form method="post" action="{TOKENS}">'
        '<label>What it is for<input name="name" type="text" autocomplete="off" required maxlength="80"></label>'
        f"<p>It gives access to:</p>{_box('nobody', 'No patient: only faces in pictures')}{boxes}"
        '<label>Your password<input name="current" type="password" autocomplete="current-password" required></label>'
        '<button type="submit" name="action" value="make">Make the token</button></form>'
        f'<p class="small"><a href="{YOUR_ACCOUNT}">Back to your account</a></p>',
        wide=True,
    )


def _box(name: str, label: str) -> str:
    return f'<label class="tick"><input type="checkbox" name="{escape(name)}" value="1">{escape(label)}</label>'


def _listed(token: TokenRow, zone: tzinfo) -> str:
    acts = ", ".join(token.patients) if token.patients else "no patient"
    used = f"last noted use {day(token.used_at.astimezone(zone))}" if token.used_at is not None else "never used"
    return (
        f"<h2>{escape(token.name)}</h2><p>For {escape(acts)}. Made {day(token.created_at.astimezone(zone))}, ends"
        f" {day(token.ends_at.astimezone(zone))}, {used}.</p>"
        f'<form method="post" action="{TOKENS}"><input type="hidden" name="token" value="{escape(token.id)}">'
        f'<button type="submit" name="action" value="revoke">Revoke {escape(token.name)}</button></form>'
    )


def _made(token: str) -> str:
    return (
        "<h1>Token</h1><p>It is shown only once. Store it where the program reads its secrets, and nowhere else.</p>"
        f'<p class="said code">{escape(token)}</p><p>Send it as <span class="code">Authorization: Bearer …</span> to'
        f' <span class="code">{API}</span>.</p><p><a class="button" href="{TOKENS}">It is kept</a></p>'
    )
