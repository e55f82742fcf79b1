"""`POST /expressions`: the faces of one picture. The picture stays in memory, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from clinic.settings import Settings
from fer_core.errors import FerError
from web.api.caller import Caller, Parts
from web.api.schemas import Expressions

PIECE_TYPE = "application/octet-stream"
MOST_WAITING = 16
"""Pictures that come in, wait, or are looked at: so many lie in memory. Each is looked at by itself, on all cores."""
BODY_WITHIN_S = 60.0
"""A picture that comes in slowly keeps others waiting no longer."""
router = APIRouter()
_LOOKING, _WAITING = threading.Lock(), threading.BoundedSemaphore(MOST_WAITING)


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
    with _place():
        return await run_in_threadpool(_look, parts, call.settings, await _body(request))


def need_bytes(request: Request) -> None:
    """Refuse a body that is not sent as bytes. Raises FerError ``unknown_type``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PIECE_TYPE:
        raise FerError(f"Please send the file's bytes, with Content-Type: {PIECE_TYPE}.", "unknown_type")


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await request.body()
    except TimeoutError:
        raise FerError("The picture took too long to come in. Please send it again.", "slow_body") from None


def _look(parts: Parts, settings: Settings, body: bytes) -> Expressions:
    with _LOOKING:
        return Expressions.of(parts.analyzer(settings).analyze_image(io.BytesIO(body)))


@contextmanager
def _place() -> Iterator[None]:
    """Take a place for a picture before any of it is read. Raises FerError ``busy`` where all are taken."""
    if not _WAITING.acquire(blocking=False):
        raise FerError("Too many pictures wait. Please try again in a second.", "busy")
    try:
        yield
    finally:
        _WAITING.release()
