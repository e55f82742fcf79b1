"""Tokens for programs; their owner makes and revokes them outside Streamlit, so that none passes through a page."""

from __future__ import annotations

import asyncio
from datetime import UTC, tzinfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clinic.access import Actor
from clinic.accounts import tokens
from clinic.accounts.tokens import TokenRow
from clinic.admin import zones
from clinic.patients import caseload
from clinic.phrases import day, named
from fer_core.errors import FerError
from web.page import page, read_form, refuse
from web.paths import TOKENS
from web.resources import resources
from web.sign_in import ATTEMPTS
from web.threads import to_write

PATIENT = "patient_"
"""What the name of a patient's box begins with; the rest is the id."""


async def your_tokens(request: Request) -> Response:
    """Show the own tokens, or make or revoke one."""
    actor = request.scope["actor"]
    if request.method != "POST":
        return await asyncio.to_thread(_show, actor, "")
    form = await read_form(request)
    if form.get("action") == "revoke":
        await to_write(tokens.revoke, resources().db, actor, form.get("token", ""))
        return RedirectResponse(TOKENS, 303)
    try:
        token = await ATTEMPTS.run(request, lambda: _make(actor, form))
    except FerError as refusal:
        return refuse(refusal, await asyncio.to_thread(_show, actor, refusal.message))
    return page("token", token=token)


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
    return page(
        "tokens",
        said=said,
        listed=[_listed(token, zone) for token in tokens.listed(db, actor)],
        patients=[(f"{PATIENT}{one.id}", named(one)) for one in caseload.list_patients(db, actor)],
    )


def _listed(token: TokenRow, zone: tzinfo) -> dict[str, str]:
    """Return what the page says of a token."""
    used = f"last used {day(token.used_at.astimezone(zone))}" if token.used_at is not None else "never used"
    return {
        "id": token.id,
        "name": token.name,
        "acts": "; ".join(token.patients) if token.patients else "no patient",
        "made": day(token.created_at.astimezone(zone)),
        "ends": day(token.ends_at.astimezone(zone)),
        "used": used,
    }
