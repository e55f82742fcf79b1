"""The caller: the token's actor, whom the gate has set in the request, with the parts that an operation needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from clinic.access import Actor
from clinic.accounts import tokens
from clinic.settings import Settings
from db.engine import Database
from web.api.limits import TokenLimit
from web.threads import to_write

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

TOKEN = HTTPBearer(auto_error=False, description="A token that was made on the page of your account.")


@dataclass(slots=True)
class Parts:
    """What the API works with; `settings` and `open_db` are asked at each request."""

    settings: Callable[[], Settings]
    open_db: Callable[[], Database]
    analyzer: Callable[[Settings], Analyzer]
    limit: TokenLimit = field(default_factory=TokenLimit)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its actor and the parts."""

    actor: Actor
    settings: Settings
    db: Database


async def caller(request: Request, _described: Annotated[object, Security(TOKEN)]) -> Call:
    """Count and log the request. Raises Forbidden where the token has just been revoked, TooFastError."""
    parts: Parts = request.app.state.parts
    actor: Actor = request.scope["actor"]
    parts.limit.take(actor.token_id)
    call = Call(actor, parts.settings(), parts.open_db())
    await to_write(tokens.note_use, call.db, actor, request.scope["route"].name)
    return call


Caller = Annotated[Call, Depends(caller)]
