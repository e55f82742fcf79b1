"""`POST /expressions`: the faces of one picture. The picture stays in memory, and nothing of it is kept."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from clinic.settings import Settings
from fer_core.errors import FerError
from fer_core.media.kinds import HEAD_BYTES, kind_of
from web.api.caller import Caller, Parts
from web.api.schemas import Expressions

PIECE_TYPE = "application/octet-stream"
MOST_WAITING, MOST_OF_ONE = 16, 4
"""Pictures that come in, wait, or are looked at, of all accounts and of one: so many lie in memory. Each is looked at
by itself, on all cores."""
router = APIRouter()
_LOOKING, _WAITING = threading.Lock(), Counter[str]()


@router.post(
    "/expressions",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {PIECE_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            "description": "The picture's file: JPEG, PNG, WebP, AVIF or HEIC.",
        }
    },
)
async def read_expressions(request: Request, call: Caller) -> Expressions:
    """Find the faces of a picture and label their expressions."""
    need_bytes(request)
    parts: Parts = request.app.state.parts
    with _place(call.actor.account_id):
        return await run_in_threadpool(_look, parts, call.settings, await _body(request))


def need_bytes(request: Request) -> None:
    """Refuse a body that is not sent as bytes. Raises FerError ``unknown_type``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PIECE_TYPE:
        raise FerError(f"Please send the file's bytes, with Content-Type: {PIECE_TYPE}.", "unknown_type")


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise FerError("The picture did not arrive completely. Please send it again.", "slow_body") from None


def _look(parts: Parts, settings: Settings, body: bytes) -> Expressions:
    if kind_of(body[:HEAD_BYTES]) == "video":
        raise FerError("This is a video. Please send a picture here, and videos to /uploads.", "unknown_type")
    with _LOOKING:
        return Expressions.of(parts.analyzer(settings).analyze_image(io.BytesIO(body)))


@contextmanager
def _place(account_id: str) -> Iterator[None]:
    """Take a place for a picture before any of it is read: on the event loop alone, which keeps the count.

    Raises FerError ``busy`` where all are taken, or those of one account.
    """
    if _WAITING.total() >= MOST_WAITING or _WAITING[account_id] >= MOST_OF_ONE:
        raise FerError("Too many pictures wait. Please try again in a second.", "busy")
    _WAITING[account_id] += 1
    try:
        yield
    finally:
        _WAITING.subtract([account_id])
        if not _WAITING[account_id]:
            del _WAITING[account_id]
