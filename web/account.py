"""Your account: what its owner can see and change, outside Streamlit, so that no secret passes through a page."""

from __future__ import annotations

import asyncio
from datetime import UTC, tzinfo
from html import escape

import segno
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic import words
from clinic.access import Actor, Forbidden
from clinic.accounts import takeovers, totp
from clinic.accounts.takeovers import Takeover
from clinic.accounts.totp import Enrolment, TotpStatus
from clinic.admin import zones
from clinic.audit_words import TAKEOVERS
from clinic.phrases import counted, day
from fer_core.errors import FerError
from web.gate import CHANGE_PASSWORD, TOKENS, YOUR_ACCOUNT
from web.page import bare_form, notice, page, read_form, refuse
from web.resources import resources
from web.sign_in import ATTEMPTS, CODE, CURRENT

APP_CODE = ("code", "Code that the app shows now", "text", "one-time-code")
MEANING = (
    "With the second step on, signing in takes your password and a code from an app on your telephone (any that knows"
    " TOTP). Someone who learns only your password can't sign in."
)
NEEDED = "This program asks everyone for a second step: please turn yours on. Nothing else opens before."


async def your_account(request: Request) -> Response:
    """Show the user's own account, or do what one of its forms asks for."""
    actor = request.scope["actor"]
    if request.method == "GET":
        return await _show(actor, "")
    form = await read_form(request)
    try:
        return await ATTEMPTS.run(request, lambda: _do(actor, form))
    except FerError as refusal:
        return refuse(refusal, await _show(actor, refusal.message))


ROUTES = [Route(YOUR_ACCOUNT, your_account, methods=["GET", "POST"])]


def _do(actor: Actor, form: dict[str, str]) -> Response:
    parts, operation = resources(), form.get("action")
    code, password = form.get("code", ""), form.get("current", "")
    if operation == "begin":
        return page("Second step", _enrolment(totp.begin(parts.db, parts.settings, actor, password)))
    if operation == "confirm":
        return _confirm(actor, code)
    if operation == "renew":
        return page("Recovery codes", _codes(totp.renew_codes(parts.db, parts.settings, actor, password, code)))
    if operation == "off":
        totp.turn_off(parts.db, parts.settings, actor, password, code)
    return RedirectResponse(YOUR_ACCOUNT, 303)


def _confirm(actor: Actor, code: str) -> Response:
    parts = resources()
    try:
        return page("Recovery codes", _codes(totp.confirm(parts.db, parts.settings, actor, code)))
    except Forbidden as refusal:
        again = totp.begun(parts.db, parts.settings, actor)
        return page("Second step", _enrolment(again, refusal.message), 403)


async def _show(actor: Actor, said: str) -> Response:
    parts = resources()
    found = await asyncio.to_thread(totp.standing, parts.db, actor)
    chosen = await asyncio.to_thread(zones.chosen, parts.db)
    needed = parts.settings.need_second_step and not actor.second_step
    body = f"<h1>Your account</h1><p>{escape(actor.name)}, {escape(words.ROLES[actor.role].lower())}</p>{notice(said)}"
    body += _second_step(found, needed, chosen.zone if chosen is not None else UTC)
    body += _takeovers(await asyncio.to_thread(takeovers.lately, parts.db, actor), chosen.zone if chosen else UTC)
    body += f'<h2>Programs</h2><a class="button" href="{TOKENS}">Tokens for programs</a>'
    body += f'<h2>Password</h2><a class="button" href="{CHANGE_PASSWORD}">Change password</a>'
    return page("Your account", body + ("" if needed else '<p class="small"><a href="/">Back to the patients</a></p>'))


def _second_step(found: TotpStatus, needed: bool, zone: tzinfo) -> str:
    if found.on_since is None:
        lead = NEEDED if needed else MEANING
        return f"<h2>Second step: off</h2><p>{lead}</p>" + bare_form(
            YOUR_ACCOUNT, (CURRENT,), "Set it up", operation="begin"
        )
    since = f"On since {day(found.on_since.astimezone(zone))}. Left: {counted(found.codes_left, 'recovery code')}."
    return (
        f"<h2>Second step: on</h2><p>{since}</p>"
        "<details><summary>New recovery codes</summary>"
        + bare_form(YOUR_ACCOUNT, (CURRENT, CODE), "Make new recovery codes", operation="renew")
        + "</details><details><summary>Turn it off, or take another telephone</summary>"
        + bare_form(YOUR_ACCOUNT, (CURRENT, CODE), "Turn it off", operation="off")
        + "</details>"
    )


def _takeovers(found: list[Takeover], zone: tzinfo) -> str:
    """List what administrators did to the account or its patients lately; nobody can delete it."""
    if not found:
        return ""
    listed = "".join(f"<li>{escape(_sentence(one, zone))}</li>" for one in reversed(found))
    return f"<h2>What administrators did</h2><p>Within the last {takeovers.LATELY.days} days:</p><ul>{listed}</ul>"


def _sentence(one: Takeover, zone: tzinfo) -> str:
    patients = "1 patient" if one.patients == 1 else f"{one.patients} patients"
    account = "your account" if one.own else one.account
    said = TAKEOVERS[one.action].format(by=one.by or "The command line", account=account, patients=patients)
    return f"{one.at.astimezone(zone):%-d %B %Y, %H:%M}: {said}."


def _enrolment(made: Enrolment, said: str = "") -> str:
    """Return the page that shows the secret; the QR code is drawn here and is never fetched."""
    drawn = segno.make(made.uri, micro=False).svg_inline(scale=4, light="#fff", dark="#000", omitsize=True)
    groups = " ".join(made.secret[start : start + 4] for start in range(0, len(made.secret), 4))
    return (
        f"<h1>Second step</h1>{notice(said)}<p>Scan this with the app, or type the letters into it.</p>"
        f'<div class="qr" role="img" aria-label="QR code of the secret below">{drawn}</div>'
        f'<p class="said code">{groups}</p>'
        + bare_form(YOUR_ACCOUNT, (APP_CODE,), "Turn it on", operation="confirm")
        + f'<p class="small"><a href="{YOUR_ACCOUNT}">Back without turning it on</a></p>'
    )


def _codes(codes: list[str]) -> str:
    listed = "".join(f'<li class="code">{code}</li>' for code in codes)
    return (
        "<h1>Recovery codes</h1><p>Each stands in once for the app, for the day when the telephone is lost. They are"
        " shown this once: print them, or write them down, and keep them where nobody else finds them.</p>"
        f'<ol>{listed}</ol><p><a class="button" href="{YOUR_ACCOUNT}">They are kept</a></p>'
    )
