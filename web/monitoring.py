"""Routes for programs: whether the pages work (for a proxy), and figures (for a monitor with the token)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from clinic.admin import metrics
from clinic.settings import Settings
from db.engine import Database
from web.paths import HEALTHZ, MONITORED

_HEALTH = ThreadPoolExecutor(1, "health")
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def routes(settings: Callable[[], Settings], open_db: Callable[[], Database]) -> list[Route]:
    """Return the routes of an installation; `settings` and `open_db` are asked at each request."""

    async def health(_request: Request) -> Response:
        return await asyncio.get_running_loop().run_in_executor(_HEALTH, lambda: _health(open_db))

    async def figures(request: Request) -> Response:
        token = settings().metrics_token
        if token is None:
            return PlainTextResponse("You have no access to this page.", 404)
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()):
            return PlainTextResponse("Please send the token.", 401, {"WWW-Authenticate": "Bearer"})
        text = await run_in_threadpool(lambda: metrics.text(open_db(), settings()))
        return Response(text, media_type=PROMETHEUS)

    return [Route(HEALTHZ, health, methods=["GET"]), Route(MONITORED, figures, methods=["GET"])]


def _health(open_db: Callable[[], Database]) -> Response:
    """Say whether the database answers, and nothing else to an unknown caller."""
    try:
        with open_db().read() as session:
            session.execute(select(1))
    except Exception:  # noqa: BLE001 whatever it is, the pages can't work
        return PlainTextResponse("not well", 503)
    return PlainTextResponse("ok")
