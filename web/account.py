"""Your account: what its owner can see and change, outside Streamlit, so that no secret passes through a page."""

from __future__ import annotations

import asyncio
from datetime import UTC, tzinfo

import segno
from markupsafe import Markup
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
from web.page import page, read_form, refuse
from web.paths import YOUR_ACCOUNT
from web.resources import resources
from web.sign_in import ATTEMPTS

MEANING = (
    "With the second step on, signing in takes your password and a code from an app on your telephone (any that knows"
    " TOTP). Someone who learns only your password can't sign in."
)
NEEDED = "This program asks everyone for a second step: please turn yours on. Nothing else opens until you do."


async def your_account(request: Request) -> Response:
    """Show the user's own account, or do what one of its forms asks for."""
    actor = request.scope["actor"]
    if request.method != "POST":
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
        return _enrolment(totp.begin(parts.db, parts.settings, actor, password))
    if operation == "confirm":
        return _confirm(actor, code)
    if operation == "renew":
        return page("recovery_codes", codes=totp.renew_codes(parts.db, parts.settings, actor, password, code))
    if operation == "off":
        totp.turn_off(parts.db, parts.settings, actor, password, code)
    return RedirectResponse(YOUR_ACCOUNT, 303)


def _confirm(actor: Actor, code: str) -> Response:
    parts = resources()
    try:
        return page("recovery_codes", codes=totp.confirm(parts.db, parts.settings, actor, code))
    except Forbidden as refusal:
        return _enrolment(totp.begun(parts.db, parts.settings, actor), refusal.message, 403)


async def _show(actor: Actor, said: str) -> Response:
    parts = resources()
    found = await asyncio.to_thread(totp.standing, parts.db, actor)
    chosen = await asyncio.to_thread(zones.chosen, parts.db)
    zone = chosen.zone if chosen is not None else UTC
    lately = await asyncio.to_thread(takeovers.lately, parts.db, actor)
    needed = parts.settings.need_second_step and not actor.second_step
    return page(
        "account",
        name=actor.name,
        role=words.ROLES[actor.role].lower(),
        said=said,
        since=_since(found, zone),
        lead=NEEDED if needed else MEANING,
        takeovers=[_sentence(one, zone) for one in reversed(lately)],
        lately_days=takeovers.LATELY.days,
        needed=needed,
    )


def _since(found: TotpStatus, zone: tzinfo) -> str | None:
    """Return since when the second step is on, or None where it is off."""
    if found.on_since is None:
        return None
    return f"On since {day(found.on_since.astimezone(zone))}. Left: {counted(found.codes_left, 'recovery code')}."


def _sentence(one: Takeover, zone: tzinfo) -> str:
    patients = "1 patient" if one.patients == 1 else f"{one.patients} patients"
    account = "your account" if one.own else one.account
    said = TAKEOVERS[one.action].format(by=one.by or "The command line", account=account, patients=patients, to=one.to)
    return f"{one.at.astimezone(zone):%-d %B %Y, %H:%M}: {said}."


def _enrolment(made: Enrolment, said: str = "", status: int = 200) -> Response:
    """Return the page that shows the secret; the QR code is drawn here and is never fetched."""
    drawn = segno.make(made.uri, micro=False).svg_inline(scale=4, light="#fff", dark="#000", omitsize=True)
    groups = " ".join(made.secret[start : start + 4] for start in range(0, len(made.secret), 4))
    # Paths and numbers alone: the address that the code says is drawn, not written.
    return page("enrolment", status, drawn=Markup(drawn), groups=groups, said=said)  # noqa: S704
