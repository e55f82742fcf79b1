"""`POST /expressions`: the faces of one picture. The picture stays in memory, and nothing of it is kept."""

from __future__ import annotations

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
"""Pictures that are looked at or wait for it; each is looked at by itself, on all cores."""
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
    body = await request.body()
    parts: Parts = request.app.state.parts
    return await run_in_threadpool(_look, parts, call.settings, body)


def need_bytes(request: Request) -> None:
    """Refuse a body that is not sent as bytes. Raises FerError ``unknown_type``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PIECE_TYPE:
        raise FerError(f"Please send the file's bytes, with Content-Type: {PIECE_TYPE}.", "unknown_type")


def _look(parts: Parts, settings: Settings, body: bytes) -> Expressions:
    with _turn():
        return Expressions.of(parts.analyzer(settings).analyze_image(io.BytesIO(body)))


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for the cores. Raises FerError ``busy`` where too many wait."""
    if not _WAITING.acquire(blocking=False):
        raise FerError("Too many pictures wait. Please try again in a second.", "busy")
    try:
        with _LOOKING:
            yield
    finally:
        _WAITING.release()
